import { performance } from "node:perf_hooks";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { CurfewError } from "../../../src/core/errors.js";
import { type Database, openDatabase, run } from "../../../src/postgres/database.js";
import { createClient } from "../../support/database_client.js";
import { findFreePort } from "../../support/free_port.js";
import {
  createDatabase,
  type PostgresServer,
  startPostgres,
  type TestDatabase,
} from "../../support/postgres.js";
import { startTcpProxy } from "../../support/tcp_proxy.js";
import { waitUntil } from "../../support/wait_until.js";

const LIMITS = { poolSize: 2, acquireTimeoutMs: 200, statementTimeoutMs: 300 };

/** The additional time that a busy machine may need, in milliseconds. */
const SLACK = 2000;

const opened: Database[] = [];
const open = (
  url: string,
  limits: Partial<typeof LIMITS & { connectTimeoutMs: number }> = {},
): Database => {
  const database = openDatabase({ connection: url, ...LIMITS, ...limits });
  opened.push(database);
  return database;
};

/** Unhandled rejections end the process in production: none may come from the pool. */
const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);

let testDatabase: TestDatabase;

beforeAll(async () => {
  process.on("unhandledRejection", note);
  testDatabase = await createDatabase();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((database) => database.destroy()));
  expect(unhandled).toEqual([]);
});

afterAll(async () => {
  process.off("unhandledRejection", note);
  await testDatabase.drop();
});

const failureOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (failure) {
    return failure;
  }
  throw new Error("It should have failed.");
};

/** Milliseconds until the statement failed as an outage does. */
const timeToOutage = async (work: Promise<unknown>): Promise<number> => {
  const start = performance.now();
  const failure = await failureOf(work);
  expect(failure).toBeInstanceOf(CurfewError);
  expect((failure as CurfewError).reason).toBe("DEPENDENCY_UNAVAILABLE");
  return performance.now() - start;
};

describe("trouble with the server is DEPENDENCY_UNAVAILABLE", () => {
  test("a refused connection, at once", { retry: 2 }, async () => {
    const url = `postgres://nobody@127.0.0.1:${await findFreePort()}/none`;
    const database = open(url, { acquireTimeoutMs: 10_000 });
    expect(await timeToOutage(run(database.raw("SELECT 1")))).toBeLessThan(250);
  });

  test("a refused connection, for each of a hundred callers at once", async () => {
    const database = open(`postgres://nobody@127.0.0.1:${await findFreePort()}/none`);
    const waits = await Promise.all(
      Array.from({ length: 100 }, () => timeToOutage(run(database.raw("SELECT 1")))),
    );
    expect(Math.max(...waits)).toBeLessThan(LIMITS.acquireTimeoutMs + SLACK);
  });

  test("a host name that does not resolve", async () => {
    const database = open("postgres://nobody@curfew.invalid/none", { acquireTimeoutMs: 5000 });
    await timeToOutage(run(database.raw("SELECT 1")));
  });

  test("a database that does not exist", async () => {
    const url = new URL(testDatabase.url);
    url.pathname = "curfew_no_such_database";
    await timeToOutage(run(open(url.href).raw("SELECT 1")));
  });

  test("a wrong password", async () => {
    const url = new URL(testDatabase.url);
    url.password = "wrong";
    await timeToOutage(run(open(url.href).raw("SELECT 1")));
  });

  test("a terminated backend, and the next statement works", async () => {
    const database = open(testDatabase.url, { poolSize: 1 });
    const { rows } = await database.raw<{ rows: { pid: number }[] }>("SELECT pg_backend_pid() pid");
    const sleeping = timeToOutage(run(database.raw("SELECT pg_sleep(0.25)")));
    await terminate(testDatabase.url, rows[0]?.pid ?? 0);
    await sleeping;
    expect((await run(database.raw("SELECT 1 AS one"))).rows).toEqual([{ one: 1 }]);
  });

  test("a backend that was terminated while idle is noticed before it is lent again", async () => {
    const database = open(testDatabase.url, { poolSize: 1 });
    const { rows } = await database.raw<{ rows: { pid: number }[] }>("SELECT pg_backend_pid() pid");
    await terminate(testDatabase.url, rows[0]?.pid ?? 0);
    await waitUntil("the client has heard of it", async () => {
      const [answer] = await Promise.allSettled([database.raw("SELECT 1")]);
      return answer.status === "fulfilled";
    });
    expect((await run(database.raw("SELECT 1 AS one"))).rows).toEqual([{ one: 1 }]);
  });

  test("a statement that takes too long", async () => {
    const database = open(testDatabase.url);
    const waited = await timeToOutage(run(database.raw("SELECT pg_sleep(5)")));
    expect(waited).toBeLessThan(LIMITS.statementTimeoutMs + SLACK);
  });

  test("a lock that is not to be had", async () => {
    const database = open(testDatabase.url);
    await database.transaction(async (holder) => {
      await holder.raw("LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
      await timeToOutage(
        run(
          database.transaction(async (trx) => {
            await trx.raw("SET LOCAL lock_timeout = '50ms'");
            await trx.raw("SELECT 1 FROM users");
          }),
        ),
      );
    });
  });

  test("O1: a pool that is used up is OVERLOADED while Postgres answers", async () => {
    const database = open(testDatabase.url, { poolSize: 1, statementTimeoutMs: 2000 });
    await database.transaction(async (trx) => {
      let refused: unknown;
      const waiting = run(database.raw("SELECT 1")).catch((failure: unknown) => {
        refused = failure;
      });
      while (refused === undefined) await trx.raw("SELECT 1");
      await waiting;
      expect(refused).toMatchObject({ reason: "OVERLOADED" });
    });
  });

  test("a server that only reads, as a master that was demoted", async () => {
    const database = open(testDatabase.url);
    await timeToOutage(
      run(
        database.transaction(async (trx) => {
          await trx.raw("SET TRANSACTION READ ONLY");
          await trx("replicas").delete();
        }),
      ),
    );
  });

  test("a pool that is closed", async () => {
    const database = open(testDatabase.url);
    await database.destroy();
    await timeToOutage(run(database.raw("SELECT 1")));
  });
});

describe("a defect is not an outage", () => {
  test.each([
    ["a statement that does not parse", "SELEKT 1"],
    ["a table that does not exist", "SELECT 1 FROM no_such_table"],
    ["text that is no uuid", "SELECT 'x'::uuid"],
    ["a null where none may be", "INSERT INTO users (user_id) VALUES (gen_random_uuid())"],
  ])("%s", async (_, sql) => {
    const failure = await failureOf(run(open(testDatabase.url).raw(sql)));
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(CurfewError);
  });

  test("D6: the error of a statement does not repeat what was written", async () => {
    const database = open(testDatabase.url);
    const failure = await failureOf(
      run(database("users").insert({ user_id: "not a uuid", password_hash: "hunter2" })),
    );
    expect(String(failure)).toMatch(/insert into/);
    expect(String(failure)).not.toMatch(/hunter2/);
  });
});

describe("a server that goes and returns", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop("immediate"));

  test.each(["fast", "immediate"] as const)("after a stop (%s) works within 2 s", async (mode) => {
    const database = open(server.url);
    await Promise.all([database.raw("SELECT 1"), database.raw("SELECT 1")]);
    await server.stop(mode);
    for (let i = 0; i < 20; i++)
      expect(await timeToOutage(run(database.raw("SELECT 1")))).toBeLessThan(SLACK);
    await server.restart();
    const back = performance.now();
    await waitUntil("it works", async () => {
      const [answer] = await Promise.allSettled([database.raw("SELECT 1")]);
      return answer.status === "fulfilled";
    });
    expect(performance.now() - back).toBeLessThan(2000);
  });

  test("a dead route: answers in time, and works within 2 s of its return", async () => {
    const proxy = await startTcpProxy(server);
    onTestFinished(() => proxy.close());
    const database = open(proxy.urlFor(server.url), {
      acquireTimeoutMs: 1000,
      connectTimeoutMs: 500,
    });
    await Promise.all([database.raw("SELECT 1"), database.raw("SELECT 1")]);
    proxy.hang();
    const waits = await Promise.all(
      Array.from({ length: 10 }, () => timeToOutage(run(database.raw("SELECT 1")))),
    );
    expect(Math.max(...waits)).toBeLessThan(1500 + LIMITS.statementTimeoutMs + SLACK);
    proxy.restore();
    const back = performance.now();
    await waitUntil("it works", async () => {
      const [answer] = await Promise.allSettled([database.raw("SELECT 1")]);
      return answer.status === "fulfilled";
    });
    expect(performance.now() - back).toBeLessThan(2000);
  });

  test("a BEGIN whose answer never came is not left open for the next to write in", async () => {
    const proxy = await startTcpProxy(server);
    onTestFinished(() => proxy.close());
    const database = open(proxy.urlFor(server.url), { poolSize: 1 });
    await database.raw("CREATE TABLE IF NOT EXISTS notes (text text)");
    proxy.hang("answers");
    await timeToOutage(run(database.transaction((trx) => trx.raw("SELECT 1"))));
    proxy.restore();
    await waitUntil("a note is written", async () => {
      const [answer] = await Promise.allSettled([database("notes").insert({ text: "kept" })]);
      return answer.status === "fulfilled";
    });
    const direct = open(server.url, { acquireTimeoutMs: 10_000 });
    expect(await direct("notes").select("text")).toEqual([{ text: "kept" }]);
  });
});

const terminate = async (url: string, pid: number): Promise<void> => {
  const client = createClient(url);
  await client.connect();
  await client.query("SELECT pg_terminate_backend($1)", [pid]);
  await client.end();
};
