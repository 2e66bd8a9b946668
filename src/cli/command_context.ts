import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { loadSettings } from "../config/load_settings.js";
import type { Purpose, Settings } from "../config/settings.js";
import { misused } from "./command_failure.js";
import type { GlobalOptions } from "./global_options.js";
import type { LocalAdmin, OpenLocalAdmin } from "./local_admin.js";
import { printNotice, printReport, printWarning, type Report } from "./output/report.js";
import { type Connection, withConnection } from "./rpc/connection.js";
import type { ConnectionOptions } from "./rpc/connection_options.js";
import type { Terminal } from "./terminal.js";

/** The dependencies of a command. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly openLocalAdmin: OpenLocalAdmin;
}

/** A command's options, with those of the commands above it. */
export const optionsOf = <Options>(command: Command): Options & GlobalOptions =>
  command.optsWithGlobals<Options & GlobalOptions>();

/** Runs a command that calls a running server, and prints its result. */
export const reportFromServer = (
  { terminal }: CommandContext,
  options: ConnectionOptions & GlobalOptions,
  work: (connection: Connection) => Promise<Report>,
): Promise<void> =>
  withConnection(options, terminal, async (connection) => {
    printReport(terminal.output, options.json, await work(connection));
  });

/** Whether work on the database of these settings would make it: an embedded one in a folder that is not there. */
const isNewDatabase = ({ embedded, dataDir }: Settings): boolean =>
  embedded && !existsSync(dataDir);

/** An operator whose shell lacks the server's settings must not think that this is the server's database. */
const newDatabaseWarning = (settings: Settings): readonly string[] =>
  isNewDatabase(settings)
    ? [
        `DATABASE_URL is not set: this makes a new database, embedded in ${resolve(settings.dataDir)}.`,
      ]
    : [];

/** Options of work on the database. */
interface DatabaseOptions {
  /** Whether the command makes no new database unless `init` says so. */
  readonly needsInit?: boolean;
  readonly init?: boolean;
}

/** Runs a command on the database that the settings name, and prints its result. */
export const reportFromDatabase = async (
  { terminal, openLocalAdmin }: CommandContext,
  purpose: Purpose,
  options: GlobalOptions & DatabaseOptions,
  work: (
    localAdmin: LocalAdmin,
    settings: Settings,
    onWait: (sentence: string) => void,
  ) => Promise<Report>,
): Promise<void> => {
  const settings = loadSettings(terminal.environment, purpose);
  if (options.needsInit && !options.init && isNewDatabase(settings)) {
    throw misused(
      `DATABASE_URL is not set, and there is no database in ${resolve(settings.dataDir)}: what is made in a new one helps no server that uses another. Set DATABASE_URL or DATA_DIR as the server has them, or add --init to make a new database.`,
    );
  }
  for (const warning of [...settings.warnings, ...newDatabaseWarning(settings)]) {
    printWarning(terminal.errors, options.json, warning);
  }
  const localAdmin = await openLocalAdmin();
  const onWait = (sentence: string): void => printNotice(terminal.errors, options.json, sentence);
  await localAdmin.reachDatabase(settings, onWait);
  printReport(terminal.output, options.json, await work(localAdmin, settings, onWait));
};
