import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase } from "../../../src/postgres/database.js";
import { migrateUp } from "../../../src/postgres/migrate.js";
import { type CoreReplica, makeUser, startCoreReplica } from "../../support/core_replica.js";
import { type PostgresServer, startPostgres } from "../../support/postgres.js";
import { redisUrlForFile } from "../../support/redis.js";
import { waitUntil } from "../../support/wait_until.js";
import { openSessions } from "./open_sessions.js";
import { raceRevocations } from "./revocation_race.js";

let postgres: PostgresServer;
let replicas: CoreReplica[];

beforeAll(async () => {
  postgres = await startPostgres();
  const connection = postgres.url;
  const database = openDatabase({
    connection,
    poolSize: 1,
    acquireTimeoutMs: 10_000,
    statementTimeoutMs: 60_000,
  });
  await migrateUp(database, connection);
  await database.destroy();
  const redisUrl = await redisUrlForFile();
  const start = () =>
    startCoreReplica({ databaseUrl: connection, redisUrl, postgresTimeoutMs: 1000 });
  replicas = [await start(), await start()];
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await postgres.stop("immediate");
});

test("L3 revocations hold through a crash and restart of Postgres", async () => {
  const [a] = replicas;
  if (a === undefined) throw new Error("no replica");
  const sessions = await openSessions(a, await makeUser(a), 1000);
  const racing = raceRevocations({ replicas, sessions, budgetMs: 2500 });
  await postgres.restart("immediate");
  const history = await racing;
  expect(history.violations()).toEqual([]);
  await waitUntil("it works as before", async () => {
    const one = await openSessions(a, await makeUser(a), 1).catch(() => undefined);
    return one !== undefined;
  });
  const again = await openSessions(a, await makeUser(a), 50);
  const after = await raceRevocations({ replicas, sessions: again, budgetMs: 2000 });
  expect(after.violations()).toEqual([]);
  expect(after.validCount()).toBeGreaterThan(50);
});
