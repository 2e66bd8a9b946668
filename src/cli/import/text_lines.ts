import { StringDecoder } from "node:string_decoder";

export interface TextLine {
  /** Counted from 1. */
  readonly line: number;
  /** Where it ends in the input, in bytes. */
  readonly bytesRead: number;
  /** Without its end; undefined when it is longer than a line may be. */
  readonly text: string | undefined;
}

/** Most letters of a line or a record; the rest of a longer one is skipped, not kept. */
export const MAX_LETTERS = 65_536;

/** The lines of a text as it arrives, in bounded memory. */
export async function* textLines(
  chunks: AsyncIterable<Buffer | string>,
): AsyncGenerator<TextLine, void> {
  const decoder = new StringDecoder("utf8");
  let [line, bytesRead] = [1, 0];
  let rest = "";
  let tooLong = false;
  const finish = (text: string): TextLine => {
    const whole = rest + text;
    const finished = {
      line,
      bytesRead,
      text: tooLong || whole.length > MAX_LETTERS ? undefined : whole.replace(/\r$/, ""),
    };
    [rest, tooLong, line] = ["", false, line + 1];
    return finished;
  };
  for await (const chunk of chunks) {
    bytesRead += Buffer.byteLength(chunk);
    const pieces = (typeof chunk === "string" ? chunk : decoder.write(chunk)).split("\n");
    for (const piece of pieces.slice(0, -1)) yield finish(piece);
    const last = pieces.at(-1) ?? "";
    tooLong ||= rest.length + last.length > MAX_LETTERS;
    rest = tooLong ? "" : rest + last;
  }
  if (rest !== "" || tooLong) yield finish(decoder.end());
}
