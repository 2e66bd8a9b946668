import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import type { Readable } from "node:stream";
import { type Command, Option } from "commander";
import type { ImportProgress } from "../../../core/users/import_users.js";
import { type CommandContext, optionsOf, reportFromDatabase } from "../../command_context.js";
import { CommandFailure, misused } from "../../command_failure.js";
import { csvRows } from "../../import/csv_rows.js";
import { jsonRows } from "../../import/json_rows.js";
import { openRefusalReport } from "../../import/refusal_report.js";
import { openProgress } from "../../output/progress.js";
import { counted, type Report } from "../../output/report.js";
import type { Terminal } from "../../terminal.js";

const READERS = { csv: csvRows, jsonl: jsonRows } as const;
type Format = keyof typeof READERS;

const FORMAT_OF_EXTENSION: Readonly<Record<string, Format>> = {
  ".csv": "csv",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".json": "jsonl",
};

interface ImportOptions {
  readonly format?: Format;
  readonly report?: string;
  readonly ignoreUnknown?: boolean;
  readonly dryRun?: boolean;
}

const formatOf = (file: string, { format }: ImportOptions): Format => {
  const found = format ?? FORMAT_OF_EXTENSION[extname(file).toLowerCase()];
  if (found !== undefined) return found;
  throw misused(`Say what ${file} holds: --format csv or --format jsonl.`);
};

/** The file and its size in bytes, if it has one. */
const openInput = async (
  file: string,
  { input }: Terminal,
): Promise<{ readonly stream: Readable; readonly bytes: number | undefined }> => {
  if (file === "-") return { stream: input, bytes: undefined };
  try {
    const { size } = await stat(file);
    const stream = createReadStream(file);
    await once(stream, "ready");
    return { stream, bytes: size };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(`The file cannot be read (${reason}). Nothing was imported.`);
  }
};

const summarise = (
  { imported, existing, refused }: ImportProgress,
  dryRun: boolean,
  stopped: boolean,
  reportFile: string | undefined,
): Report => ({
  document: { imported, existing, refused, dry_run: dryRun, stopped, report: reportFile ?? null },
  text: [
    `${dryRun ? "It would import" : "Imported"} ${counted(imported, "user")}; ${existing} there already; refused ${counted(refused, "row")}${reportFile === undefined ? "" : ` (see ${reportFile})`}.`,
    ...(stopped ? ["Stopped before the end: run it again, and it goes on where it was."] : []),
  ].join("\n"),
});

/** Adds `users import`. */
export const addImportUsers = (users: Command, context: CommandContext): void => {
  const { terminal } = context;
  users
    .command("import")
    .description(
      "bring users with their password hashes (argon2, bcrypt, PBKDF2, scrypt) into the database of DATABASE_URL; can be repeated",
    )
    .argument("<file>", "CSV or JSON lines with username, password_hash, …; - for standard input")
    .addOption(
      new Option("--format <format>", "default: by the file's name").choices(["csv", "jsonl"]),
    )
    .option("--dry-run", "only check the rows and count; nothing is written")
    .option("--ignore-unknown", "pass over columns and fields that mean nothing here")
    .option("--report <file>", "where refused rows are listed (default: FILE.refused.csv)")
    .action(async (file: string, _options: unknown, self: Command) => {
      const options = optionsOf<ImportOptions>(self);
      const read = READERS[formatOf(file, options)];
      const { ignoreUnknown = false, dryRun = false } = options;
      const reportFile = options.report ?? `${file === "-" ? "users" : file}.refused.csv`;
      let refused = 0;
      let stopped = false;
      const stopListening = terminal.onInterrupt(() => {
        stopped = true;
      });
      const { stream, bytes } = await openInput(file, terminal);
      try {
        await reportFromDatabase(context, "database", options, async (localAdmin, settings) => {
          const progress = openProgress(terminal.errors, { label: "Importing", total: bytes });
          const refusals = openRefusalReport(reportFile, progress.tell, options.json);
          try {
            const done = await localAdmin.importUsers(
              settings,
              read(stream, { ignoreUnknown }),
              {
                onRefused: refusals.add,
                onProgress: ({ bytesRead, imported }) =>
                  progress.update(bytesRead, counted(imported, "user")),
                isStopped: () => stopped,
              },
              { dryRun },
            );
            refused = done.refused;
            return summarise(done, dryRun, stopped, refusals.close());
          } finally {
            progress.stop();
            refusals.close();
          }
        });
      } finally {
        stream.destroy();
        stopListening();
      }
      // The command has already reported the failure.
      if (refused > 0 || stopped) throw new CommandFailure("");
    });
};
