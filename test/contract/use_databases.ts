import { afterAll, beforeAll, beforeEach } from "vitest";
import type { Database } from "../../src/postgres/database.js";
import { type Engine, emptyTables } from "./primary_store.js";

/** Two replicas' pools on one database, which is empty before each test of the surrounding `describe`. */
export const useDatabases = (engine: Engine): (() => readonly [Database, Database]) => {
  let databases: readonly [Database, Database] | undefined;
  let close: () => Promise<void> = async () => undefined;

  beforeAll(async () => {
    const primaryStore = await engine.open();
    close = () => primaryStore.close();
    databases = [primaryStore.connect(), primaryStore.connect()];
  });
  beforeEach(async () => {
    if (databases) await emptyTables(databases[0]);
  });
  afterAll(() => close());

  return () => {
    if (databases === undefined) throw new Error("The databases are opened in beforeAll.");
    return databases;
  };
};
