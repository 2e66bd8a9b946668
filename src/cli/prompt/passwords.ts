import { CommandFailure, misused } from "../command_failure.js";
import type { Terminal } from "../terminal.js";
import { askHiddenLine } from "./hidden_line.js";

/** Where a command gets passwords from: never from its arguments, which others can see. */
export interface Passwords {
  /** A password that exists. */
  ask(question: string): Promise<string>;
  /** A new password; on a terminal it is typed twice. */
  askNew(question: string): Promise<string>;
}

/** More than any password may have. */
const MAX_BYTES = 65_536;

const readLines = async (input: AsyncIterable<Buffer | string>): Promise<string[]> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw misused("Standard input is too long for passwords.");
  }
  return Buffer.concat(chunks).toString("utf8").split(/\r?\n/);
};

/** Passwords from standard input, one a line in the order in which they are needed. */
const fromStandardInput = ({ input }: Terminal): Passwords => {
  let lines: Promise<string[]> | undefined;
  const next = async (question: string): Promise<string> => {
    lines ??= readLines(input);
    const line = (await lines).shift();
    if (line) return line;
    throw misused(`Standard input has no line for this: ${question}. Give one password a line.`);
  };
  return { ask: next, askNew: next };
};

const fromTerminal = (terminal: Terminal): Passwords => {
  const ask = async (question: string): Promise<string> => {
    if (!terminal.input.isTTY) {
      throw misused(
        `There is no terminal to ask on: ${question}. Pipe it in and add --password-stdin.`,
      );
    }
    const password = await askHiddenLine(terminal, question);
    if (password === "") throw new CommandFailure("No password was typed: nothing was done.");
    return password;
  };
  return {
    ask,
    askNew: async (question) => {
      const password = await ask(question);
      if ((await ask("Once more")) === password) return password;
      throw new CommandFailure("The two passwords differ: nothing was done.");
    },
  };
};

/** Asks on the terminal, or reads standard input if `standardInput` is set. */
export const createPasswords = (terminal: Terminal, standardInput: boolean): Passwords =>
  standardInput ? fromStandardInput(terminal) : fromTerminal(terminal);
