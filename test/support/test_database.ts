import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import { createClient } from "./database_client.js";

/** A database of the test file's own. */
export interface TestDatabase {
  readonly url: string;
  /** Ends its connections and removes it. */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** `migrated` (the default): the schema of today. `empty`: nothing at all, for tests of the migrations. */
  readonly schema?: "migrated" | "empty";
}

/** Makes a database on the run's PostgreSQL, a copy of one that was migrated once for the whole run. */
export async function createDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { serverUrl, template } = inject("postgres");
  return cloneDatabase(serverUrl, options.schema === "empty" ? "template0" : template);
}

/** Creates a database on the server of `serverUrl` from `template`, which must have no connections. */
export async function cloneDatabase(serverUrl: string, template: string): Promise<TestDatabase> {
  const name = `curfew_test_${randomBytes(8).toString("hex")}`;
  await execute(serverUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = new URL(serverUrl);
  url.pathname = name;
  return {
    url: url.href,
    drop: () => execute(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function execute(serverUrl: string, sql: string): Promise<void> {
  const client = createClient({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
