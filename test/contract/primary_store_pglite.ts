import { openEmbeddedPostgres } from "../../src/embedded/pglite.js";
import { type Database, openDatabase } from "../../src/postgres/database.js";
import { migrateUp } from "../../src/postgres/migrate.js";
import { makePrivateFolder } from "../support/private_folder.js";
import type { Engine } from "./primary_store.js";

/** PGlite behind its socket, on a data directory of the suite's own. */
export const PGLITE: Engine = {
  name: "PGlite",
  parallelTransactions: false,
  async open() {
    const embedded = await openEmbeddedPostgres({ dataDir: makePrivateFolder("pglite") });
    const pools: Database[] = [];
    const connect = () => {
      const pool = openDatabase({
        connection: { ...embedded.connection },
        poolSize: 4,
        acquireTimeoutMs: 20_000,
        statementTimeoutMs: 20_000,
        sharedBackend: true,
      });
      pools.push(pool);
      return pool;
    };
    await migrateUp(connect(), { ...embedded.connection });
    return {
      connect,
      async close() {
        await Promise.all(pools.map((pool) => pool.destroy()));
        await embedded.close();
      },
    };
  },
};
