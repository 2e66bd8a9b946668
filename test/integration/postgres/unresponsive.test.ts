import { afterEach, beforeEach, expect, test } from "vitest";
import { type Database, openDatabase, run } from "../../../src/postgres/database.js";
import { unlessUnresponsive } from "../../../src/postgres/unresponsive.js";
import { outcomeOf } from "../../support/core_replica.js";
import { startTcpProxy, type TcpProxy } from "../../support/tcp_proxy.js";
import { createDatabase, type TestDatabase } from "../../support/test_database.js";

const STATEMENT_TIMEOUT_MS = 5000;

let server: TestDatabase;
let link: TcpProxy;
let database: Database;
let port: { sleep(seconds: number): Promise<string> };

beforeEach(async () => {
  server = await createDatabase();
  const { hostname, port: serverPort } = new URL(server.url);
  link = await startTcpProxy({ host: hostname, port: Number(serverPort) });
  database = openDatabase({
    connection: link.urlFor(server.url),
    poolSize: 4,
    acquireTimeoutMs: STATEMENT_TIMEOUT_MS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  port = unlessUnresponsive(database).port({
    sleep: async (seconds: number) => {
      await run(database.raw("SELECT pg_sleep(?)", [seconds]));
      return "slept";
    },
  });
});
afterEach(async () => {
  link.cut();
  await database.destroy();
  await link.close();
  await server.drop();
});

test("who waits for a Postgres that hangs hears so long before its statement is given up", async () => {
  expect(await port.sleep(0)).toBe("slept");
  link.hang();
  const begun = performance.now();
  const outcomes = [port.sleep(0), port.sleep(0)].map(outcomeOf);
  expect(await Promise.all(outcomes)).toEqual(["DEPENDENCY_UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"]);
  expect(performance.now() - begun).toBeLessThan(STATEMENT_TIMEOUT_MS / 2);
});

test("a statement that is slow is waited for while Postgres answers others", async () => {
  const slow = port.sleep(0.7);
  let done = false;
  void slow.finally(() => {
    done = true;
  });
  while (!done) await port.sleep(0.05);
  expect(await slow).toBe("slept");
});

test("what fails, fails as it did", async () => {
  const failing = unlessUnresponsive(database).port({
    ask: () => Promise.reject(new Error("a defect")),
    now: () => 5,
  });
  await expect(failing.ask()).rejects.toThrow("a defect");
  expect(failing.now()).toBe(5);
});
