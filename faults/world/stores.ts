import { openDatabase } from "../../src/postgres/database.js";
import { migrateUp } from "../../src/postgres/migrate.js";
import { startPostgres } from "../../test/support/postgres.js";
import { cloneDatabase, type TestDatabase } from "../../test/support/test_database.js";

/** Where worlds get databases of their own. */
export interface Databases {
  create(): Promise<TestDatabase>;
  close(): Promise<void>;
}

/** A Postgres server of its own with one migrated database, of which copies are made. */
export const startDatabases = async (): Promise<Databases> => {
  const server = await startPostgres({ settings: { max_connections: "300" } });
  const template = await cloneDatabase(server.url, "template0");
  const database = openDatabase({
    connection: template.url,
    poolSize: 1,
    acquireTimeoutMs: 10_000,
    statementTimeoutMs: 60_000,
  });
  await migrateUp(database, template.url);
  await database.destroy();
  const name = new URL(template.url).pathname.slice(1);
  return {
    create: () => cloneDatabase(server.url, name),
    close: () => server.stop("immediate"),
  };
};
