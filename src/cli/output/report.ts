import type { Display } from "../terminal.js";

/** The result of a command. */
export interface Report {
  /**
   * For programs: one JSON document with the names of the proto, times as RFC
   * 3339 and numbers as numbers; see `jsonNumber`.
   */
  readonly document: unknown;
  /** For people. */
  readonly text: string;
}

/** Prints a report in the form that was asked for. */
export const printReport = (output: Display, json: boolean | undefined, report: Report): void => {
  output.write(`${json ? JSON.stringify(report.document, undefined, 2) : report.text}\n`);
};

/** "1 session", "2 sessions". */
export const counted = (count: number | bigint, noun: string): string =>
  `${count} ${noun}${BigInt(count) === 1n ? "" : "s"}`;

/** Whether a command line requests JSON, even if the command line is otherwise wrong. */
export const asksForJson = (words: readonly string[]): boolean => {
  const end = words.indexOf("--");
  return words.slice(0, end === -1 ? words.length : end).includes("--json");
};

/** Says something on the error stream that is no failure, in the form that was asked for. */
export const printWarning = (errors: Display, json: boolean | undefined, text: string): void => {
  errors.write(`${json ? JSON.stringify({ warning: text }) : `curfew: warning: ${text}`}\n`);
};

/** Prints on the error stream what a command is doing. */
export const printNotice = (errors: Display, json: boolean | undefined, text: string): void => {
  errors.write(`${json ? JSON.stringify({ notice: text }) : `curfew: ${text}`}\n`);
};

/** A 64-bit number as JSON can hold it: a number, or a text where a reader would lose digits. */
export const jsonNumber = (value: bigint): number | string =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
