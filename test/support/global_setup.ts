import type { TestProject } from "vitest/node";
import { openDatabase } from "../../src/postgres/database.js";
import { migrateUp } from "../../src/postgres/migrate.js";
import { MissingProgramError } from "./debian_packages.js";
import { startPostgres } from "./postgres.js";
import { findRedisProgram } from "./redis.js";
import { cloneDatabase, type TestDatabase } from "./test_database.js";

declare module "vitest" {
  export interface ProvidedContext {
    postgres: {
      /** The URL of a database on the run's server, for a user who may create databases. */
      readonly serverUrl: string;
      /** Name of the migrated database to copy. */
      readonly template: string;
    };
  }
}

/** Starts the run's PostgreSQL, once for all projects, and makes the migrated database to copy. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (project.vitest.getProvidedContext().postgres !== undefined) return async () => {};
  const server = await findStores().catch(endWhereOneIsMissing);
  try {
    const template = await createMigratedDatabase(server.url);
    project.vitest.provide("postgres", {
      serverUrl: server.url,
      template: new URL(template.url).pathname.slice(1),
    });
    return async () => {
      await template.drop();
      await server.stop();
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** The PostgreSQL of the settings, else one of our own; Redis must be there too, but is started by who uses it. */
async function findStores(): Promise<{ url: string; stop(): Promise<void> }> {
  if (!process.env.TEST_REDIS_URL) findRedisProgram();
  const url = process.env.TEST_DATABASE_URL;
  return url ? { url, stop: async () => {} } : startPostgres();
}

function endWhereOneIsMissing(error: unknown): never {
  if (!(error instanceof MissingProgramError)) throw error;
  // vitest would invalidate the one line that matters in stacks and "no test files found".
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

async function createMigratedDatabase(serverUrl: string): Promise<TestDatabase> {
  const created = await cloneDatabase(serverUrl, "template0");
  const database = openDatabase({
    connection: created.url,
    poolSize: 1,
    acquireTimeoutMs: 10_000,
    statementTimeoutMs: 60_000,
  });
  try {
    await migrateUp(database, created.url);
  } finally {
    await database.destroy();
  }
  return created;
}
