import { hostname } from "node:os";
import pg from "pg";
import type { Database } from "./database.js";
import { lockMigrations, MIGRATION_WAIT, type MigrationWait } from "./migration_lock.js";
import { MIGRATIONS, migrationSource } from "./migrations/index.js";
import { primaryConnection } from "./primary_host.js";
import { plannedRows } from "./statements.js";

/** A database that accepts connections and says nothing must not hold up a command, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

const config = { migrationSource, tableName: "curfew_migrations" };

export interface MigrationStatus {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

/**
 * Brings the schema up to date; safe when many replicas start at once.
 * Resolves to the names of the migrations that this call applied.
 *
 * @throws CurfewError DEPENDENCY_UNAVAILABLE: another process has migrated for longer than `wait` allows
 */
export const migrateUp = async (
  database: Database,
  connection: string | pg.ClientConfig,
  wait: Partial<MigrationWait> = {},
): Promise<string[]> => {
  // An embedded database has no other user, and all its connections would wait for an open transaction.
  if (database.userParams.sharedBackend === true) return migrate(database);
  const parts = await primaryConnection(connection);
  const guard = new pg.Client({
    ...parts,
    application_name: migratorName(),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // If this connection is lost, the next query on it fails; without a listener it would end the process.
  guard.on("error", () => undefined);
  await guard.connect();
  try {
    // The lock of a transaction, not of a session: a pooler would hand the session to others.
    await guard.query(`BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0;
      SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0`);
    await lockMigrations(guard, { ...MIGRATION_WAIT, ...wait });
    return await migrate(database);
  } finally {
    await guard.end();
  }
};

/** The name that another waiting process reports; PostgreSQL keeps 63 bytes. */
const migratorName = (): string => `curfew ${process.pid} on ${hostname()}`.slice(0, 63);

/** @returns the names of the migrations that were applied */
const migrate = async (database: Database): Promise<string[]> => {
  if ((await migrationStatus(database)).pending.length === 0) return [];
  // Only a migrator that died can have left knex's own lock behind: we hold ours.
  await database.migrate.forceFreeMigrationsLock(config);
  const [, applied] = (await database.migrate.latest(config)) as [number, string[]];
  return applied;
};

/** Which migrations the database has, and which it lacks. */
export const migrationStatus = async (database: Database): Promise<MigrationStatus> => {
  const rows = plannedRows(database);
  const [table] = await rows<{ oid: string | null }>("SELECT to_regclass(?)::text AS oid", [
    config.tableName,
  ]);
  const found = table?.oid
    ? await rows<{ name: string }>("SELECT m.name FROM curfew_migrations m ORDER BY m.id", [])
    : [];
  const applied = found.map(({ name }) => name);
  const known = MIGRATIONS.map((migration) => migration.name);
  return { applied, pending: known.filter((name) => !applied.includes(name)) };
};
