import { closeSync, openSync, writeSync } from "node:fs";
import type { RefusedRow } from "../../core/users/import_users.js";
import { CommandFailure } from "../command_failure.js";
import { printable } from "../output/printable.js";

/** The number of refused rows that are printed on the error stream. The file holds all of them. */
const MAX_TOLD = 20;

/** Where refused rows go. */
export interface RefusalReport {
  add(row: RefusedRow): void;
  /** The file, if any row was refused. */
  close(): string | undefined;
}

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

const open = (path: string): number => {
  try {
    return openSync(path, "w", 0o600);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(
      `The report of refused rows cannot be written (${reason}): name another file with --report.`,
    );
  }
};

/**
 * Prints the first refused rows (as objects under `json`) and writes all of them to a CSV file. The file is created at
 * the first refused row.
 */
export const openRefusalReport = (
  path: string,
  tell: (line: string) => void,
  json = false,
): RefusalReport => {
  let file: number | undefined;
  let told = 0;
  let closed = false;
  return {
    add: ({ line, username, reason }) => {
      if (file === undefined) {
        file = open(path);
        writeSync(file, "line,username,reason\n");
      }
      writeSync(file, `${line},${quoted(username)},${quoted(reason)}\n`);
      told += 1;
      const who = username === "" ? "" : ` (${printable(username.slice(0, 64))})`;
      if (told > MAX_TOLD + 1) return;
      if (told === MAX_TOLD + 1)
        tell(json ? JSON.stringify({ more: path }) : `more are in ${path}`);
      else if (json) tell(JSON.stringify({ refused: { line, username, reason } }));
      else tell(`line ${line}${who}: ${printable(reason)}`);
    },
    close: () => {
      if (file === undefined) return undefined;
      if (!closed) closeSync(file);
      closed = true;
      return path;
    },
  };
};
