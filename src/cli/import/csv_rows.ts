import { CsvError } from "csv-parse";
import type { ImportRow } from "../../core/users/import_users.js";
import { CommandFailure } from "../command_failure.js";
import { csvRecords } from "./csv_records.js";
import { MAX_LETTERS } from "./text_lines.js";
import {
  isUserField,
  NEEDED_FIELDS,
  type UserField,
  unknownField,
  userFromTexts,
} from "./user_fields.js";

const readHeader = (names: readonly string[], ignoreUnknown: boolean): readonly string[] => {
  const columns = names.map((name) => name.trim().toLowerCase());
  const unknown = columns.find((name) => !isUserField(name));
  if (unknown !== undefined && !ignoreUnknown) {
    throw new CommandFailure(`The first line names the columns: ${unknownField(unknown)}.`);
  }
  const twice = columns.find((name, index) => isUserField(name) && columns.indexOf(name) !== index);
  if (twice !== undefined) throw new CommandFailure(`The column ${twice} is there twice.`);
  const missing = NEEDED_FIELDS.filter((name) => !columns.includes(name));
  if (missing.length > 0) {
    throw new CommandFailure(
      `The first line names the columns; it lacks ${missing.join(" and ")}. Nothing was imported.`,
    );
  }
  return columns;
};

const textsOf = (
  columns: readonly string[],
  record: readonly string[],
): Partial<Record<UserField, string>> =>
  Object.fromEntries(
    columns.flatMap((name, index) => (isUserField(name) ? [[name, record[index] ?? ""]] : [])),
  );

/** Describes the syntax error and its line number, without the text of the line: it may hold a hash. */
const syntaxProblem = ({ code }: CsvError): string => {
  const what =
    code === "CSV_MAX_RECORD_SIZE"
      ? `longer than ${MAX_LETTERS} characters: is a quote not closed?`
      : "not CSV (RFC 4180): is a quote missing or in the middle of a field?";
  return `${what} Nothing after it was read`;
};

/**
 * Users from CSV (RFC 4180) with a line of column names, in bounded memory.
 * Throws a CommandFailure when that line will not do.
 */
export async function* csvRows(
  input: AsyncIterable<Buffer | string>,
  { ignoreUnknown }: { readonly ignoreUnknown: boolean },
): AsyncGenerator<ImportRow, void> {
  let columns: readonly string[] | undefined;
  let [line, bytesRead] = [1, 0];
  for await (const found of csvRecords(input)) {
    if (found instanceof CsvError) {
      const problem = syntaxProblem(found);
      if (columns === undefined) throw new CommandFailure(`The first line is ${problem}.`);
      yield { line, bytesRead, user: { problem: `it is ${problem}` } };
      return;
    }
    const { record } = found;
    bytesRead = found.bytes;
    if (columns === undefined) columns = readHeader(record, ignoreUnknown);
    else {
      const user =
        record.length === columns.length
          ? userFromTexts(textsOf(columns, record))
          : {
              problem: `it has ${record.length} columns where the first line has ${columns.length}`,
            };
      yield { line, bytesRead, user };
    }
    line = found.lines + 1;
  }
  if (columns === undefined) throw new CommandFailure("The file is empty: nothing was imported.");
}
