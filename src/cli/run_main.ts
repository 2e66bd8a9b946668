import type { ExitCode } from "./command_failure.js";
import type { LocalAdmin } from "./local_admin.js";
import { processTerminal } from "./process_terminal.js";
import { runProgram } from "./run_program.js";

const openLocalAdmin = async (): Promise<LocalAdmin> => (await import("../main.js")).localAdmin;

/** Runs the command of this process. Resolves to the code it is to end with. */
export const main = (): Promise<ExitCode> =>
  runProgram(process.argv.slice(2), openLocalAdmin, processTerminal());
