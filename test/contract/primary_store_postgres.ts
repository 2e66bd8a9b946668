import { type Database, openDatabase } from "../../src/postgres/database.js";
import { createDatabase } from "../support/test_database.js";
import type { Engine } from "./primary_store.js";

/** The run's PostgreSQL, a database of the suite's own. */
export const POSTGRES: Engine = {
  name: "PostgreSQL",
  parallelTransactions: true,
  async open() {
    const { url, drop } = await createDatabase();
    const pools: Database[] = [];
    return {
      connect() {
        const pool = openDatabase({
          connection: url,
          poolSize: 8,
          acquireTimeoutMs: 10_000,
          statementTimeoutMs: 10_000,
        });
        pools.push(pool);
        return pool;
      },
      async close() {
        await Promise.all(pools.map((pool) => pool.destroy()));
        await drop();
      },
    };
  },
};
