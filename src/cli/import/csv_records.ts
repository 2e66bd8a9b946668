import { CsvError, parse } from "csv-parse";
import { MAX_LETTERS } from "./text_lines.js";

export interface CsvRecord {
  readonly record: readonly string[];
  /** The line it ends on, counted from 1. */
  readonly lines: number;
  /** Where it ends in the input, in bytes. */
  readonly bytes: number;
}

/**
 * Yields the records of CSV as it arrives, and last the error that stops the parser, if one occurs. (A parser that is
 * read as a stream drops its unread records when it fails.)
 */
export async function* csvRecords(
  input: AsyncIterable<Buffer | string>,
): AsyncGenerator<CsvRecord | CsvError, void> {
  let records: CsvRecord[] = [];
  let failure: Error | undefined;
  const parser = parse({
    bom: true,
    max_record_size: MAX_LETTERS,
    relax_column_count: true,
    skip_empty_lines: true,
    on_record: (record: string[], { lines, bytes }) => {
      records.push({ record, lines, bytes });
      return null;
    },
  });
  parser.on("error", (error) => {
    failure = error;
  });
  parser.resume();
  const take = (): CsvRecord[] => {
    const taken = records;
    records = [];
    return taken;
  };
  for await (const chunk of input) {
    await new Promise<void>((resolve) => {
      parser.write(chunk, () => resolve());
    });
    yield* take();
    if (failure !== undefined) break;
  }
  if (failure === undefined) {
    await new Promise<void>((resolve) => {
      parser.once("close", resolve);
      parser.end();
    });
    yield* take();
  }
  if (failure instanceof CsvError) yield failure;
  else if (failure !== undefined) throw failure;
}
