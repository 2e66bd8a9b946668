import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Database,
  type DatabaseOptions,
  openDatabase,
  run,
} from "../../../src/postgres/database.js";
import { poolUse, shareOf, warm } from "../../../src/postgres/lending.js";
import { postgresSessionStore } from "../../../src/postgres/session_store.js";
import { createDatabase, type TestDatabase } from "../../support/test_database.js";
import { waitUntil } from "../../support/wait_until.js";

let server: TestDatabase;
let admin: pg.Client;
const opened: Database[] = [];

const open = (options: Partial<DatabaseOptions> = {}): Database => {
  const database = openDatabase({
    connection: server.url,
    poolSize: 10,
    acquireTimeoutMs: 20_000,
    statementTimeoutMs: 20_000,
    ...options,
  });
  opened.push(database);
  return database;
};

beforeEach(async () => {
  server = await createDatabase();
  admin = new pg.Client(server.url);
  await admin.connect();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((database) => database.destroy()));
  await admin.end();
  await server.drop();
});

const connections = async (): Promise<number> => {
  const { rows } = await admin.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'curfew'`,
  );
  return rows[0]?.count ?? 0;
};

test("O1: a connection that cannot be opened is no outage while others answer", async () => {
  const role = `limited_${randomUUID().slice(0, 8)}`;
  await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'limited' CONNECTION LIMIT 2`);
  try {
    const url = new URL(server.url);
    url.username = role;
    url.password = "limited";
    const database = open({ connection: url.href });
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => run(database.raw("SELECT pg_sleep(0.005)"))),
    );
    expect(answers).toHaveLength(100);
    expect(await connections()).toBe(2);
    await Promise.all(opened.splice(0).map((each) => each.destroy()));
  } finally {
    await waitUntil("the role is not in use", async () => {
      const [dropped] = await Promise.allSettled([admin.query(`DROP ROLE ${role}`)]);
      return dropped.status === "fulfilled";
    });
  }
});

describe("O1: the warm minimum", () => {
  test("is opened at once, and again after it was lost", async () => {
    const database = open({ warmConnections: 6 });
    await warm(database, 6);
    expect(await connections()).toBe(6);
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'curfew'`,
    );
    await waitUntil("the pool has heard of it", async () => {
      await warm(database, 6);
      return (await connections()) >= 6;
    });
    expect(poolUse(database)).toMatchObject({ used: 0, opening: 0 });
  });

  test("of a server that is away is an outage", async () => {
    const database = open({ connection: "postgres://nobody@127.0.0.1:1/none" });
    await expect(warm(database, 3)).rejects.toMatchObject({ reason: "DEPENDENCY_UNAVAILABLE" });
  });
});

test("O2: validation, revocations and the heartbeat do not wait for a storm of sign-ins", async () => {
  const database = open({ reserve: true });
  const signIns = shareOf(database, "sign_in");
  let signedIn = 0;
  const storm = Array.from({ length: 100 }, () =>
    signIns
      .transaction(async (trx) => {
        await trx.raw("SELECT pg_sleep(0.05)");
      })
      .then(() => {
        signedIn += 1;
      }),
  );
  await waitUntil("the storm waits", () => poolUse(database).classes.sign_in.waiting > 50);
  for (const work of ["validation", "administration", "control"] as const) {
    await run(shareOf(database, work).raw("SELECT 1"));
    expect(poolUse(database).classes.sign_in.waiting).toBeGreaterThan(0);
  }
  expect(signedIn).toBeLessThan(100);
  await Promise.all(storm);
  expect(poolUse(database).classes.sign_in).toEqual({ used: 0, waiting: 0 });
});

test("O3: a transaction whose caller goes away in the queue is not begun", async () => {
  const database = open({ poolSize: 1 });
  const store = postgresSessionStore(database);
  let letGo: (() => void) | undefined;
  const holder = store.transaction(
    () =>
      new Promise<void>((resolve) => {
        letGo = resolve;
      }),
  );
  await waitUntil("the connection is lent", () => letGo !== undefined);
  const controller = new AbortController();
  let isBegun = false;
  const waiting = store.transaction(
    async () => {
      isBegun = true;
    },
    { signal: controller.signal, deadlineAt: Number.POSITIVE_INFINITY },
  );
  await waitUntil("it waits", () => poolUse(database).classes.administration.waiting === 1);
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  letGo?.();
  await holder;
  expect(isBegun).toBe(false);
  expect(poolUse(database).classes.administration).toEqual({ used: 0, waiting: 0 });
});
