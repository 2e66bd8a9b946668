import pg from "pg";
import type { Database } from "./database.js";
import { MIGRATIONS, migrationSource } from "./migrations/index.js";

/** Any number, the same in every replica: who holds it migrates. */
const MIGRATION_LOCK = 7_302_001;

const config = { migrationSource, tableName: "curfew_migrations" };

export interface MigrationStatus {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

/**
 * Brings the schema up to date; safe when many replicas start at once.
 * Resolves to the names of the migrations that this call applied.
 */
export const migrateUp = async (
  database: Database,
  connection: string | pg.ClientConfig,
): Promise<string[]> => {
  const guard = new pg.Client(connection);
  // Its loss fails what is asked of it next; without a listener it would end the process.
  guard.on("error", () => undefined);
  await guard.connect();
  try {
    await guard.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
    if ((await migrationStatus(database)).pending.length === 0) return [];
    // Only a migrator that died can have left knex's own lock behind: we hold ours.
    await database.migrate.forceFreeMigrationsLock(config);
    const [, applied] = (await database.migrate.latest(config)) as [number, string[]];
    return applied;
  } finally {
    await guard.end();
  }
};

/** Which migrations the database has, and which it lacks. */
export const migrationStatus = async (database: Database): Promise<MigrationStatus> => {
  const applied = (await database.schema.hasTable(config.tableName))
    ? await database(config.tableName).orderBy("id").pluck<string[]>("name")
    : [];
  const known = MIGRATIONS.map((migration) => migration.name);
  return { applied, pending: known.filter((name) => !applied.includes(name)) };
};
