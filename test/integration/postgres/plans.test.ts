import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type {
  SessionFilter,
  SessionQuery,
  SessionStore,
  SessionTransaction,
} from "../../../src/core/ports/session_store.js";
import type { Session } from "../../../src/core/session/session.js";
import { postgresAuditLog } from "../../../src/postgres/audit_log.js";
import { type Database, openDatabase } from "../../../src/postgres/database.js";
import { postgresReplicaRegistry } from "../../../src/postgres/replica_registry.js";
import { postgresSessionStore } from "../../../src/postgres/session_store.js";
import { postgresUserStore } from "../../../src/postgres/user_store.js";
import { createDatabase, type TestDatabase } from "../../support/postgres.js";
import { fillSessions, OPEN } from "./filled_sessions.js";
import { explain, statementsOf } from "./query_plan.js";

const DAY = 24 * 3_600_000;
const IDLE_TIMEOUT_MS = 30 * 60_000;
const PAGE = 50;
/** One page, and the rows read to find it. */
const BOUNDED = 20 * PAGE;

let filled: TestDatabase;
let database: Database;
let store: SessionStore;
let now: number;
/** Some live sessions, of several users, and one that has ended. */
let live: Session[];
let ended: Session;

beforeAll(async () => {
  filled = await createDatabase();
  database = openDatabase({
    connection: filled.url,
    poolSize: 4,
    acquireTimeoutMs: 20_000,
    statementTimeoutMs: 0,
  });
  await fillSessions(database);
  store = postgresSessionStore(database);
  now = Date.now();
  live = await list({ state: "ACTIVE" }, "created_asc", 100);
  [ended] = (await list({ state: "REVOKED" }, "created_desc", 1)) as [Session];
}, 120_000);

afterAll(async () => {
  await database?.destroy();
  await filled?.drop();
});

const liveAt = () => ({ now, idleTimeoutMs: IDLE_TIMEOUT_MS });
const list = (filter: SessionFilter, order: SessionQuery["order"], limit = PAGE) =>
  store.list({ filter, order, liveAt: liveAt(), after: undefined, limit });
const someIds = () => live.map(({ id }) => id);
const aUser = () => live[0]?.userId ?? "";
/** What `work` does in a transaction is taken back. */
const within = (work: (tx: SessionTransaction) => Promise<unknown>) =>
  store
    .transaction(async (tx) => {
      await work(tx);
      throw new Error("taken back");
    })
    .catch((error: unknown) => {
      if (!(error instanceof Error) || error.message !== "taken back") throw error;
    });

/** Checks every statement that `work` sends: by index, and about no more rows than `mostRows`. */
const expectIndexed = async (work: () => Promise<unknown>, mostRows = BOUNDED): Promise<void> => {
  const statements = await statementsOf(database, work);
  expect(statements).not.toEqual([]);
  for (const statement of statements) {
    const plan = await explain(filled.url, statement);
    for (const table of ["sessions", "users", "audit_events"])
      expect(plan.scanned, plan.text).not.toContain(table);
    expect(plan.rowsRead, plan.text).toBeLessThanOrEqual(mostRows);
  }
};

describe("by index, and bounded: what every call waits for", () => {
  test.each<[string, () => Promise<unknown>]>([
    ["session statuses of one", () => store.sessionStatuses(someIds().slice(0, 1))],
    ["session statuses of many", () => store.sessionStatuses(someIds())],
    ["get", () => store.get(ended.id)],
    ["lockUser", () => within((tx) => tx.lockUser(aUser()))],
    ["lockSession", () => within((tx) => tx.lockSession(ended.id))],
    ["lockOpenSessionsOf", () => within((tx) => tx.lockOpenSessionsOf(aUser()))],
    [
      "revokeSessions",
      () =>
        within((tx) =>
          tx.revokeSessions(
            someIds().map((sessionId) => ({ sessionId, reason: "LOGOUT", at: now, by: "x" })),
          ),
        ),
    ],
    [
      "rotate",
      () =>
        store.rotate(
          someIds().map((sessionId) => ({
            sessionId,
            generation: 99,
            jti: "x",
            accessExpiresAt: now,
            usedAt: now,
            answeredAt: undefined,
            isUnanswered: true,
            ip: "",
          })),
          liveAt(),
        ),
    ],
    ["updateSession", () => within((tx) => tx.updateSession(ended.id, { jti: "x" }))],
    ["forgetHot", () => within((tx) => tx.forgetHot(aUser()))],
    ["findByUsername", () => postgresUserStore(database).findByUsername("user77")],
  ])("%s", async (_, work) => {
    await expectIndexed(work);
  });
});

describe("by index, and bounded: what goes on behind the calls", () => {
  test.each<[string, () => Promise<unknown>]>([
    ["touch", () => store.touch(someIds().map((sessionId) => ({ sessionId, at: now })))],
    ["pendingInvalidations", () => store.pendingInvalidations({ limit: 1000 })],
    [
      "pendingInvalidations of one user",
      () => store.pendingInvalidations({ limit: 500, userId: aUser() }),
    ],
    [
      "markInvalidated",
      async () => {
        const waiting = await store.pendingInvalidations({ limit: 1000 });
        await store.markInvalidated(
          waiting.map((pendingInvalidations) => ({
            pendingInvalidations,
            shard: 0,
            serverId: "s1",
          })),
        );
      },
    ],
    ["invalidatedAmong", () => store.invalidatedAmong(someIds())],
    [
      "revocations since a moment ago",
      async () => store.revocationsAfter((await lastSeen()) - 100n, 1000),
    ],
    ["revocations from the beginning", () => store.revocationsAfter(0n, 900)],
    ["where revocations that matter begin", () => store.relevantAfter(now)],
    ["where revocations begin when none matters", () => store.relevantAfter(now + DAY)],
    ["lastRevision", () => store.lastRevision()],
    ["lastRevision of one user", () => store.lastRevision(aUser())],
    ["lastRevision of nobody", () => store.lastRevision(randomUUID())],
    ["lockDue", () => within((tx) => tx.lockDue(now, 200))],
    [
      "postponeChecks",
      () =>
        within((tx) =>
          tx.postponeChecks(someIds().map((sessionId) => ({ sessionId, nextCheckAt: now }))),
        ),
    ],
    ["deleteEnded", () => store.deleteEnded(now - 7 * DAY, now, 200)],
    ["deleteEnded with nothing left", () => store.deleteEnded(now - 100 * DAY, now, 200)],
  ])("%s", async (_, work) => {
    await expectIndexed(work);
  });

  test.each([[["s1"]], [undefined]])("renewal of a lease on %j", async (serverIds) => {
    const registry = postgresReplicaRegistry(database, randomUUID());
    await expectIndexed(() => registry.renew(serverIds, 1000));
    await registry.leave();
  });

  test("renewal of a lease when nothing is left to be invalidated", async () => {
    const registry = postgresReplicaRegistry(database, randomUUID());
    await database("sessions").where("hot_pending", true).update({ hot_pending: false });
    await expectIndexed(() => registry.renew(["s1"], 1000));
    await registry.leave();
  });

  const lastSeen = () => store.lastRevision();
});

describe("by index: what administrators look at", () => {
  const orders = ["created_desc", "created_asc"] as const;
  const filters: [string, () => SessionFilter][] = [
    ["nothing", () => ({})],
    ["user", () => ({ userId: aUser() })],
    ["user and state", () => ({ userId: aUser(), state: "REVOKED" })],
    ["address", () => ({ ip: "10.7.0.1" })],
    ["an address never seen", () => ({ ip: "198.51.100.1" })],
    ["time of creation", () => ({ createdAfter: now - 2 * DAY, createdBefore: now - DAY })],
    ["active", () => ({ state: "ACTIVE" })],
    ["revoked", () => ({ state: "REVOKED" })],
    ["idle", () => ({ state: "IDLE_TIMEOUT" })],
    ["expired, which is rare", () => ({ state: "EXPIRED" })],
    ["active, not used for a while", () => ({ state: "ACTIVE", inactiveSince: now - 60_000 })],
  ];

  test.each(
    filters.flatMap(([name, filter]) => orders.map((order) => [name, order, filter] as const)),
  )("list by %s, %s", async (_, order, filter) => {
    // Whether open sessions have timed out is in no index, so that uses need not be written to one.
    await expectIndexed(() => list(filter(), order), 1.1 * OPEN);
  });

  test("the page after a page starts where that one ended", async () => {
    for (const order of orders)
      await expectIndexed(() =>
        store.list({
          filter: { state: "REVOKED" },
          order,
          liveAt: liveAt(),
          after: ended.id,
          limit: PAGE,
        }),
      );
  });

  test("live sessions of a user, and their number", async () => {
    await expectIndexed(() => store.liveOf(aUser(), liveAt()));
    await expectIndexed(() => store.countLive({ userId: aUser() }, liveAt()));
  });

  test("live sessions to be revoked, whoever's", async () => {
    await expectIndexed(
      () => within((tx) => tx.lockMatching({}, liveAt(), 500, undefined)),
      500 + BOUNDED,
    );
  });

  test("the event that ended a session", async () => {
    await expectIndexed(() => postgresAuditLog(database).revocationEventOf(ended.id));
  });

  test("users, page by page", async () => {
    await expectIndexed(() => postgresUserStore(database).list("user500", PAGE));
  });

  test("the number of all sessions is counted in indexes alone", async () => {
    const [statement] = await statementsOf(database, () => store.count(liveAt()));
    if (statement === undefined) throw new Error("It was counted without a statement.");
    const plan = await explain(filled.url, statement);
    expect(plan.scanned, plan.text).toEqual([]);
  });
});
