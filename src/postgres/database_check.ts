import { OWN_SETTINGS } from "./connection_settings.js";
import type { Database } from "./database.js";
import { namesOf, plannedRows } from "./statements.js";

/** The start's report about the connection to the database. */
export interface DatabaseReport {
  /** Whether a pooler such as PgBouncer stands between. */
  readonly isPooled: boolean;
  /** Settings that should be given to the role, since they cannot be set through the pooler. */
  readonly advice: readonly string[];
}

const SETTINGS = `
  SELECT pg_catalog.lower(s.name) AS name, s.setting, s.source,
    pg_catalog.pg_is_in_recovery() AS is_standby
  FROM pg_catalog.pg_settings s`;

/** Limits that end statements which a client has abandoned; without them Postgres continues them. */
const LIMITS = { statement_timeout: "2s", idle_in_transaction_session_timeout: "10s" };

const alterRole = (name: string, value: string): string => `ALTER ROLE … SET ${name} = '${value}'`;

/**
 * Looks whether this service can work on the database, before it does.
 * Rejects with an error that names the setting to change where it cannot.
 */
export const checkDatabase = async (database: Database): Promise<DatabaseReport> => {
  const found = await plannedRows(database)<{
    name: string;
    setting: string;
    source: string;
    is_standby: boolean;
  }>(SETTINGS, []);
  const settings = new Map(found.map((row) => [row.name, row]));
  const readOnly = settings.get("default_transaction_read_only");
  if (readOnly?.setting === "on" && !readOnly.is_standby)
    throw new Error(
      `the database only reads: default_transaction_read_only is on (set by the ${readOnly.source}). ` +
        "Set it to off, or point DATABASE_URL to the primary.",
    );
  const isPooled = namesOf(database).isPooled();
  if (!isPooled) return { isPooled, advice: [] };

  const differs = (name: string, value: string): boolean =>
    settings.has(name) && settings.get(name)?.setting !== value;
  const wrong = Object.entries(OWN_SETTINGS)
    .filter(([name, value]) => differs(name, value))
    .map(([name, value]) => alterRole(name, value));
  if (["off", "local"].includes(settings.get("synchronous_commit")?.setting ?? ""))
    wrong.push(alterRole("synchronous_commit", "on"));
  if (wrong.length > 0)
    throw new Error(
      "DATABASE_URL leads to a connection pooler such as PgBouncer, through which these settings " +
        `cannot be set for each connection. Give them to the role of the URL: ${wrong.join("; ")}`,
    );
  const advice = Object.entries(LIMITS)
    .filter(([name]) => settings.get(name)?.setting === "0")
    .map(([name, value]) => alterRole(name, value));
  return { isPooled, advice };
};
