import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type pg from "pg";
import { createClient } from "../../test/support/database_client.js";
import type { PostgresServer } from "../../test/support/postgres.js";

/** Processes of the dead server still hold its memory for a moment. */
const START_ATTEMPTS = 20;
const START_AGAIN_MS = 250;

/** Runs `work` with a connection of its own. */
export const withPostgres = async <Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> => {
  const client = createClient({ connectionString: url });
  // Errors are ignored here: if this connection is lost, the next query on it fails.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
};

/** Kills the server's first process alone, as the kernel does when memory is short. */
export const crashPostgres = async ({ url }: PostgresServer): Promise<void> => {
  const { rows } = await withPostgres(url, (client) =>
    client.query<{ data_directory: string }>("SHOW data_directory"),
  );
  const pidFile = join(rows[0]?.data_directory ?? "", "postmaster.pid");
  const pid = Number((await readFile(pidFile, "utf8")).split("\n")[0]);
  if (!Number.isInteger(pid) || pid <= 1) throw new Error(`there is no pid in ${pidFile}`);
  process.kill(pid, "SIGKILL");
};

export const restartPostgres = async (server: PostgresServer): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await server.restart("immediate");
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
      await wait(START_AGAIN_MS);
    }
  }
};

/** Ends every connection of every replica. */
export const terminateBackends = (url: string): Promise<unknown> =>
  withPostgres(url, (client) =>
    client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'curfew'",
    ),
  );

/** Lets every statement on this table wait, until the pools of all replicas are used up. */
export const holdTable = (url: string, table: string, lastsMs: number): Promise<unknown> =>
  withPostgres(url, async (client) => {
    await client.query("BEGIN");
    await client.query(`LOCK TABLE ${client.escapeIdentifier(table)} IN ACCESS EXCLUSIVE MODE`);
    await wait(lastsMs);
    await client.query("ROLLBACK");
  });
