import { afterEach, beforeEach, expect, test } from "vitest";
import type { SessionStore, SessionTransaction } from "../../../src/core/ports/session_store.js";
import { type Database, openDatabase } from "../../../src/postgres/database.js";
import { postgresSessionStore } from "../../../src/postgres/session_store.js";
import { unlessUnresponsive } from "../../../src/postgres/unresponsive.js";
import { addUser } from "../../contract/samples.js";
import { outcomeOf } from "../../support/core_replica.js";
import { startTcpProxy, type TcpProxy } from "../../support/tcp_proxy.js";
import { createDatabase, type TestDatabase } from "../../support/test_database.js";
import { waitUntil } from "../../support/wait_until.js";

const NEW_NAME = { displayName: "Countess" };
/** Far more than the guard waits, so that nothing here ends by a limit of the database. */
const LIMIT_MS = 20_000;

let server: TestDatabase;
let link: TcpProxy;
let database: Database;
let direct: Database;
let guarded: SessionStore;
/** What became of the transactions underneath the guard. */
let ends: Promise<string>[];

const open = (connection: string) =>
  openDatabase({
    connection,
    poolSize: 2,
    acquireTimeoutMs: LIMIT_MS,
    statementTimeoutMs: LIMIT_MS,
  });

beforeEach(async () => {
  server = await createDatabase();
  const { hostname, port } = new URL(server.url);
  link = await startTcpProxy({ host: hostname, port: Number(port) });
  database = open(link.urlFor(server.url));
  direct = open(server.url);
  ends = [];
  const store = postgresSessionStore(database);
  guarded = unlessUnresponsive(database).store({
    ...store,
    transaction(work, call) {
      const transaction = store.transaction(work, call);
      ends.push(outcomeOf(transaction));
      return transaction;
    },
  });
});
afterEach(async () => {
  link.cut();
  await Promise.all([database.destroy(), direct.destroy()]);
  await link.close();
  await server.drop();
});

const nameOf = async (userId: string) =>
  (await postgresSessionStore(direct).transaction((tx) => tx.readUser(userId)))?.displayName;

/** Renames a user while Postgres hangs from one moment on. Resolves to the caller's answer. */
const renameInOutage = async (
  userId: string,
  moments: { before?: () => void; after?: () => void },
): Promise<string> => {
  const work = async (tx: SessionTransaction) => {
    await tx.lockUser(userId);
    moments.before?.();
    await tx.updateUser(userId, NEW_NAME);
    moments.after?.();
  };
  return outcomeOf(guarded.transaction(work));
};

for (const direction of ["requests", "answers", "both"] as const) {
  test(`O3 what was given up before its COMMIT is rolled back when Postgres is back (${direction} hang)`, async () => {
    const { id, displayName } = await addUser(postgresSessionStore(direct));
    const answer = await renameInOutage(id, { before: () => link.hang(direction) });
    expect(answer).toBe("DEPENDENCY_UNAVAILABLE");
    link.restore();
    expect(await Promise.all(ends)).toEqual(["DEADLINE_EXCEEDED"]);
    expect(await nameOf(id)).toBe(displayName);
  });
}

test("a COMMIT that was sent before Postgres fell silent may still take effect", async () => {
  const { id } = await addUser(postgresSessionStore(direct));
  const answer = await renameInOutage(id, { after: () => link.hang("answers") });
  expect(answer).toBe("DEPENDENCY_UNAVAILABLE");
  await waitUntil("Postgres has committed", async () => (await nameOf(id)) === "Countess");
});

test("O3 the guard ends a transaction whose caller has gone like any other", async () => {
  const { id, displayName } = await addUser(postgresSessionStore(direct));
  const controller = new AbortController();
  const call = { signal: controller.signal, deadlineAt: Number.POSITIVE_INFINITY };
  const work = async (tx: SessionTransaction) => {
    await tx.updateUser(id, NEW_NAME);
    controller.abort();
  };
  expect(await outcomeOf(guarded.transaction(work, call))).toBe("DEADLINE_EXCEEDED");
  expect(await nameOf(id)).toBe(displayName);
});
