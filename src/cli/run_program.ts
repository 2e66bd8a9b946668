import type { OpenBackstage } from "./backstage.js";
import { EXIT, type ExitCode } from "./command_failure.js";
import { describeFailure } from "./describe_failure.js";
import { buildProgram } from "./program.js";
import type { Terminal } from "./terminal.js";

/**
 * Runs one command. Resolves to the code that the process is to end with, after
 * saying on the error stream what went wrong, if something did. Never rejects.
 */
export const runProgram = async (
  words: readonly string[],
  openBackstage: OpenBackstage,
  terminal: Terminal,
): Promise<ExitCode> => {
  try {
    await buildProgram(openBackstage, terminal).parseAsync(words, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    const { text, exitCode } = describeFailure(error);
    if (text !== "") terminal.errors.write(`curfew: ${text}\n`);
    return exitCode;
  }
};
