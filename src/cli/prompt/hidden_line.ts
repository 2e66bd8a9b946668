import { StringDecoder } from "node:string_decoder";
import { CommandFailure } from "../command_failure.js";
import type { Terminal } from "../terminal.js";

const INTERRUPT = "\u0003";
const END = "\u0004";
const ERASE = new Set(["\u0008", "\u007f"]);
const ERASE_ALL = "\u0015";

/**
 * Asks for a line on a terminal and reads it without showing it. The question
 * goes to the error stream, so that output can be piped. Rejects at Ctrl-C.
 */
export const askHiddenLine = async (
  { input, errors }: Pick<Terminal, "input" | "errors">,
  question: string,
): Promise<string> => {
  const decoder = new StringDecoder("utf8");
  // Set raw mode first: input that is typed as soon as the question appears must not be shown.
  input.setRawMode?.(true);
  errors.write(`${question}: `);
  input.resume();
  try {
    return await new Promise<string>((resolve, reject) => {
      let line: string[] = [];
      const finish = (done: () => void): void => {
        input.removeListener("data", onData);
        input.removeListener("end", onEnd);
        input.pause();
        done();
      };
      const onEnd = (): void =>
        finish(() => reject(new CommandFailure("No password was typed: nothing was done.")));
      const onData = (chunk: Buffer | string): void => {
        const letters = [...(typeof chunk === "string" ? chunk : decoder.write(chunk))];
        for (const [index, letter] of letters.entries()) {
          if (letter === "\r" || letter === "\n" || letter === END) {
            const rest = letters
              .slice(index + 1)
              .join("")
              .replace(/^\n/, "");
            finish(() => {
              // Keep the input that was typed ahead for the next question.
              if (rest !== "") input.unshift(Buffer.from(rest));
              resolve(line.join(""));
            });
            return;
          }
          if (letter === INTERRUPT) {
            finish(() => reject(new CommandFailure("Interrupted: nothing was done.")));
            return;
          }
          if (letter === ERASE_ALL) line = [];
          else if (ERASE.has(letter)) line.pop();
          else if (!/\p{Cc}/u.test(letter)) line.push(letter);
        }
      };
      input.on("data", onData);
      input.once("end", onEnd);
    });
  } finally {
    input.setRawMode?.(false);
    errors.write("\n");
  }
};
