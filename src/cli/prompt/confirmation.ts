import { createInterface } from "node:readline/promises";
import { CommandFailure, misused } from "../command_failure.js";
import type { Terminal } from "../terminal.js";

/** Asks the operator to confirm. Throws unless the answer is yes, and always when there is no terminal. */
export const confirm = async (
  { input, errors }: Pick<Terminal, "input" | "errors">,
  question: string,
): Promise<void> => {
  if (!input.isTTY) throw misused(`${question} There is no terminal to ask on: add --yes.`);
  const reader = createInterface({ input, output: errors });
  try {
    const answer = await reader.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new CommandFailure("Nothing was done.");
  } finally {
    reader.close();
  }
};
