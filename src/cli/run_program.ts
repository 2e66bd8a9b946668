import { EXIT, type ExitCode } from "./command_failure.js";
import { describeFailure, type FailureDescription } from "./describe_failure.js";
import type { OpenLocalAdmin } from "./local_admin.js";
import { asksForJson } from "./output/report.js";
import { buildProgram } from "./program.js";
import { createRedaction } from "./secret_values.js";
import type { Terminal } from "./terminal.js";

/** One line of JSON for programs. */
const failureDocument = ({ reason, text, exitCode, problems }: FailureDescription): string =>
  JSON.stringify({
    error: {
      reason,
      message: text,
      exit_code: exitCode,
      ...(problems === undefined ? {} : { problems }),
    },
  });

/** The environment, or nothing of it where the file that it comes from cannot be read: that is the failure. */
const environmentOf = (terminal: Terminal) => {
  try {
    return terminal.environment;
  } catch {
    return {};
  }
};

/**
 * Runs one command. Resolves to the code that the process is to end with, after
 * saying on the error stream what went wrong, if something did: as a sentence, or
 * under `--json` as a JSON object on one line. Never rejects.
 */
export const runProgram = async (
  words: readonly string[],
  openLocalAdmin: OpenLocalAdmin,
  terminal: Terminal,
): Promise<ExitCode> => {
  const json = asksForJson(words);
  try {
    await buildProgram(openLocalAdmin, terminal, json).parseAsync(words, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    const failure = describeFailure(error, json);
    if (failure.text !== "") {
      const redact = createRedaction(words, environmentOf(terminal));
      const text = redact(failure.text);
      const problems = failure.problems?.map(redact);
      const told = json ? failureDocument({ ...failure, text, problems }) : `curfew: ${text}`;
      terminal.errors.write(`${told}\n`);
    }
    return failure.exitCode;
  }
};
