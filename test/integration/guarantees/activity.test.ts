import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { toleratedActivityLossMs } from "../../../src/core/settings.js";
import {
  type CoreReplica,
  makeUser,
  outcomeOf,
  signIn,
  signOut,
  verdictOf,
} from "../../support/core_replica.js";
import { openSessions } from "./open_sessions.js";
import { setUpTwoReplicas } from "./two_replicas.js";

const IDLE_MS = 60_000;
const IDLE = "SESSION_INACTIVITY_TIMEOUT";

/** The test's own time, which moves only when the test moves it. */
let time = Date.now();
const replicas = setUpTwoReplicas({
  settings: { idleTimeoutMs: IDLE_MS },
  now: () => time,
  // Statements are counted: no heartbeat may add any.
  heartbeatMs: 0,
});

const newSession = async (replica: CoreReplica) => {
  const { tokens, session } = await signIn(replica, (await makeUser(replica)).username);
  return { ...tokens, sessionId: session.id };
};

const lastActivityInPostgres = async (sessionId: string): Promise<number> =>
  (await replicas.a.ports.store.get(sessionId))?.lastActivityAt ?? 0;

/** The statements that a replica sends to Postgres while `work` runs. */
const statementsDuring = async (
  replica: CoreReplica,
  work: () => Promise<unknown>,
): Promise<{ sql: string; bindings: unknown[] }[]> => {
  const statements: { sql: string; bindings: unknown[] }[] = [];
  const note = (statement: { sql: string; bindings: unknown[] }) => statements.push(statement);
  replica.database.on("query", note);
  try {
    await work();
  } finally {
    replica.database.off("query", note);
  }
  return statements;
};

describe("A1 what reaches Postgres", () => {
  test("A1 an orderly stop loses no activity", async () => {
    const replica = await replicas.start();
    const { accessToken, sessionId } = await newSession(replica);
    time += 10_000;
    expect(await verdictOf(replica, accessToken)).toBe("valid");
    expect(await lastActivityInPostgres(sessionId)).toBe(time - 10_000);
    await replica.close();
    expect(await lastActivityInPostgres(sessionId)).toBe(time);
  });

  test("A1 kill -9 loses what came after the last flush, and no more", async () => {
    const replica = await replicas.start();
    const { accessToken, sessionId } = await newSession(replica);
    time += 10_000;
    expect(await verdictOf(replica, accessToken)).toBe("valid");
    await replica.core.activity.flush();
    const flushed = time;
    time += toleratedActivityLossMs(IDLE_MS) / 2;
    expect(await verdictOf(replica, accessToken)).toBe("valid");
    await replica.kill();
    expect(await lastActivityInPostgres(sessionId)).toBe(flushed);
  });

  test("A1 a flush that Postgres refuses is made up for by the next", async () => {
    const { a } = replicas;
    const { accessToken, sessionId } = await newSession(a);
    time += 1000;
    expect(await verdictOf(a, accessToken)).toBe("valid");
    await a.database.raw("ALTER TABLE sessions RENAME TO sessions_away");
    await expect(a.core.activity.flush()).rejects.toThrow();
    await a.database.raw("ALTER TABLE sessions_away RENAME TO sessions");
    await a.core.activity.flush();
    expect(await lastActivityInPostgres(sessionId)).toBe(time);
  });
});

describe("A2 the inactivity timeout", () => {
  test("A2 comes exactly at last use + timeout, on every replica", async () => {
    const { a, b } = replicas;
    const { accessToken } = await newSession(a);
    for (const replica of [b, a, b]) {
      time += IDLE_MS - 1;
      expect(await verdictOf(replica, accessToken)).toBe("valid");
    }
    time += IDLE_MS;
    expect(await verdictOf(a, accessToken)).toBe(IDLE);
    expect(await verdictOf(b, accessToken)).toBe(IDLE);
  });

  test("A2 a question that skips activity moves nothing", async () => {
    const { a, b } = replicas;
    const { accessToken } = await newSession(a);
    time += IDLE_MS - 1;
    const question = { accessToken, audience: "", skipActivity: true };
    expect(await outcomeOf(b.core.validateToken(question))).toBe("OK");
    time += 1;
    expect(await verdictOf(b, accessToken)).toBe(IDLE);
  });

  test("A2 use on one replica counts on the others before it reaches Postgres", async () => {
    const { a, b } = replicas;
    const { accessToken } = await newSession(a);
    time += 40_000;
    expect(await verdictOf(b, accessToken)).toBe("valid");
    time += 40_000;
    expect(await verdictOf(a, accessToken)).toBe("valid");
  });

  test("A2 use on one replica counts for a login, a cleanup and a refresh on another", async () => {
    const { a, b } = replicas;
    const user = await makeUser(a);
    const { tokens } = await signIn(a, user.username);
    for (let uses = 0; uses < 2; uses++) {
      time += 40_000;
      expect(await verdictOf(b, tokens.accessToken)).toBe("valid");
    }
    const second = await signIn(a, user.username);
    expect(await verdictOf(b, tokens.accessToken)).toBe("valid");
    expect(await verdictOf(b, second.tokens.accessToken)).toBe("valid");
    time += 10_000;
    await a.core.cleanup();
    expect(await verdictOf(b, tokens.accessToken)).toBe("valid");
    const { refreshToken } = tokens;
    expect(await outcomeOf(a.core.refreshTokens({ refreshToken, ip: "" }))).toBe("OK");
  });

  test("A2 an empty Redis costs a session at most what was not flushed", async () => {
    const { a, b } = replicas;
    const { accessToken } = await newSession(a);
    time += 40_000;
    expect(await verdictOf(b, accessToken)).toBe("valid");
    await b.core.activity.flush();
    const notFlushed = toleratedActivityLossMs(IDLE_MS);
    time += notFlushed;
    expect(await verdictOf(b, accessToken)).toBe("valid");
    await replicas.flushRedis();
    time += IDLE_MS - notFlushed - 1;
    expect(await verdictOf(a, accessToken)).toBe("valid");
  });

  test("A2 a replica that used it knows better than Postgres and an empty Redis", async () => {
    const { b } = replicas;
    const { accessToken } = await newSession(b);
    time += 40_000;
    expect(await verdictOf(b, accessToken)).toBe("valid");
    await replicas.flushRedis();
    time += 40_000;
    expect(await verdictOf(b, accessToken)).toBe("valid");
  });

  test("A2 replicas whose wall clocks differ by hours agree", async () => {
    const realTime = { now: undefined as unknown as () => number, heartbeatMs: 50 };
    const early = await replicas.start({ ...realTime, wallSkewMs: -3_600_000 });
    const late = await replicas.start({ ...realTime, wallSkewMs: 3_600_000 });
    expect(Math.abs(early.ports.clock.now() - late.ports.clock.now())).toBeLessThan(500);
    const { accessToken } = await newSession(early);
    for (const replica of [late, early, late])
      expect(await verdictOf(replica, accessToken)).toBe("valid");
    for (const replica of [early, late]) replica.advance(IDLE_MS + 1000);
    expect(await verdictOf(late, accessToken)).toBe(IDLE);
    expect(await verdictOf(early, accessToken)).toBe(IDLE);
  });
});

describe("A3 recording activity", () => {
  test("A3 a validation in steady state makes no Postgres statement", async () => {
    const { a, b } = replicas;
    const sessions = await openSessions(a, await makeUser(a), 50);
    const askAll = () =>
      Promise.all(
        sessions.flatMap(({ accessToken }) => [a, b].map((each) => verdictOf(each, accessToken))),
      );
    await askAll();
    await a.ports.hot.identify();
    time += 1000;
    const statements = await statementsDuring(a, () =>
      statementsDuring(b, async () => {
        for (let round = 0; round < 20; round++)
          expect(new Set(await askAll())).toEqual(new Set(["valid"]));
      }).then((ofB) => expect(ofB).toEqual([])),
    );
    expect(statements).toEqual([]);
  });

  test("A3 a flush is one statement with each session once, however often it was used", async () => {
    const { a } = replicas;
    const sessions = await openSessions(a, await makeUser(a), 100);
    await a.core.activity.flush();
    for (let uses = 0; uses < 10; uses++) {
      time += 100;
      await Promise.all(sessions.map(({ accessToken }) => verdictOf(a, accessToken)));
    }
    const statements = await statementsDuring(a, () => a.core.activity.flush());
    expect(statements).toHaveLength(1);
    const [ids] = (statements[0]?.bindings ?? []) as [string[]];
    expect([...ids].sort()).toEqual(sessions.map(({ id }) => id).sort());
    expect(await statementsDuring(a, () => a.core.activity.flush())).toEqual([]);
    for (const { id } of sessions) expect(await lastActivityInPostgres(id)).toBe(time);
  });

  test("A3 neither inserts nor revives", async () => {
    const { a, b } = replicas;
    const { accessToken, sessionId } = await newSession(a);
    time += 1000;
    expect(await verdictOf(a, accessToken)).toBe("valid");
    await signOut(b, accessToken);
    const [stranger, at] = [randomUUID(), time];
    const activities = [
      { sessionId, at },
      { sessionId: stranger, at },
    ];
    expect(await a.core.recordActivity(activities)).toBe(0);
    const before = await a.ports.store.get(sessionId);
    expect(await a.ports.store.touch(activities)).toEqual(
      expect.arrayContaining([sessionId, stranger]),
    );
    await a.core.activity.flush();
    expect(await a.ports.store.get(sessionId)).toEqual(before);
    expect(before?.lastActivityAt).toBe(time - 1000);
    expect(await a.ports.store.get(stranger)).toBeUndefined();
    expect(await verdictOf(a, accessToken)).toBe("ACCESS_TOKEN_BLACKLISTED");
  });

  test("A3 a flush neither waits for a session that somebody holds, nor forgets it", async () => {
    const { a } = replicas;
    const held = await newSession(a);
    const free = await newSession(a);
    time += 1000;
    for (const { accessToken } of [held, free])
      expect(await verdictOf(a, accessToken)).toBe("valid");
    const holder = await a.database.transaction();
    await holder("sessions").where("session_id", held.sessionId).forUpdate();
    await a.core.activity.flush();
    await holder.commit();
    expect(await lastActivityInPostgres(free.sessionId)).toBe(time);
    expect(await lastActivityInPostgres(held.sessionId)).toBe(time - 1000);
    await a.core.activity.flush();
    expect(await lastActivityInPostgres(held.sessionId)).toBe(time);
  });
});
