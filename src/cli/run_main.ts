import type { Backstage } from "./backstage.js";
import type { ExitCode } from "./command_failure.js";
import { processTerminal } from "./process_terminal.js";
import { runProgram } from "./run_program.js";

const openBackstage = async (): Promise<Backstage> => (await import("../main.js")).backstage;

/** Runs the command of this process. Resolves to the code it is to end with. */
export const main = (): Promise<ExitCode> =>
  runProgram(process.argv.slice(2), openBackstage, processTerminal());
