import { EventEmitter, once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HotStore } from "../../../src/core/ports/hot_store.js";
import { openRedis } from "../../../src/redis/client.js";
import { redisHotStore } from "../../../src/redis/hot_store.js";
import {
  type CoreReplica,
  makeUser,
  outcomeOf,
  signIn,
  signOut,
  startCoreReplica,
  TEST_SETTINGS,
  verdictOf,
} from "../../support/core_replica.js";
import { type RedisServer, startRedis } from "../../support/redis.js";
import { redisCommand } from "../../support/redis_command.js";
import { type SentinelRedis, startRedisSentinel } from "../../support/redis_sentinel.js";
import { createDatabase, type TestDatabase } from "../../support/test_database.js";
import { waitUntil } from "../../support/wait_until.js";
import { believesAnyServer, forgetsToInvalidate, ignoresFillTokens } from "./broken_hot_store.js";
import { openSessions } from "./open_sessions.js";
import { during, evictAtRandom, loseHalf, withRedis } from "./redis_trouble.js";
import { raceRevocations } from "./revocation_race.js";

const ENDED = "ACCESS_TOKEN_BLACKLISTED";

let database: TestDatabase;
let redis: RedisServer;
const open: CoreReplica[] = [];

beforeEach(async () => {
  database = await createDatabase();
  redis = await startRedis();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((replica) => replica.close()));
  await redis.stop("SIGKILL");
  await database.drop();
});

type HotWrapper = (hot: HotStore) => HotStore;

const start = async (
  options: { redisUrl?: string; heartbeatMs?: number; wrapHot?: HotWrapper | undefined } = {},
): Promise<CoreReplica> => {
  const { redisUrl = redis.url, heartbeatMs, wrapHot } = options;
  const replica = await startCoreReplica({
    databaseUrl: database.url,
    redisUrl,
    ...(heartbeatMs !== undefined && { heartbeatMs }),
    ...(wrapHot && { wrapHot }),
  });
  open.push(replica);
  return replica;
};

const startTwo = async (options: Parameters<typeof start>[0] = {}) =>
  [await start(options), await start(options)] as const;

/** A session that both replicas know by heart, in Redis. */
const knownSession = async (a: CoreReplica, b: CoreReplica) => {
  const { tokens, session } = await signIn(a, (await makeUser(a)).username);
  const { accessToken } = tokens;
  for (const replica of [a, b])
    await waitUntil("the session is in Redis", async () => {
      expect(await verdictOf(replica, accessToken)).toBe("valid");
      const lease = replica.core.cacheLease.lease();
      const ask = { sessionId: session.id, now: replica.ports.clock.now(), touchAt: 0 };
      return lease !== undefined && (await replica.ports.hot.check(ask, lease)).kind === "live";
    });
  return { accessToken, sessionId: session.id };
};

const untilLeaseIsValid = (replicas: readonly CoreReplica[]) =>
  waitUntil("all trust Redis again", () =>
    replicas.every((replica) => replica.core.cacheLease.lease() !== undefined),
  );

const raceThrough = async (everyMs: number, trouble: () => Promise<unknown>) => {
  const [a, b] = await startTwo();
  const sessions = await openSessions(a, await makeUser(a), 1000);
  const race = { replicas: [a, b], sessions, budgetMs: 1000 };
  const history = await during(everyMs, trouble, () => raceRevocations(race));
  expect(history.violations()).toEqual([]);
  // So many that the race has begun and gone on, also on a slow machine.
  expect(history.validCount()).toBeGreaterThan(20);
};

describe("L3 revocations hold whatever Redis loses", () => {
  test("L3 FLUSHALL every few milliseconds", () =>
    withRedis(redis.url, (client) => raceThrough(5, () => client.flushall())));

  test("L3 a random half of the keys lost again and again", () =>
    withRedis(redis.url, (client) => raceThrough(3, () => loseHalf(client))));

  test("L3 eviction of random keys for want of memory", () =>
    withRedis(redis.url, async (client) => {
      const [a, b] = await startTwo();
      await evictAtRandom(client);
      const sessions = await openSessions(a, await makeUser(a), 1000);
      const history = await raceRevocations({ replicas: [a, b], sessions, budgetMs: 1000 });
      expect(history.violations()).toEqual([]);
      expect(Number(/evicted_keys:(\d+)/.exec(await client.info("stats"))?.[1])).toBeGreaterThan(0);
    }));

  test("L3 SIGKILL and an empty restart, again and again", () =>
    raceThrough(300, () => redis.restart()));

  test("L3 kill -9 of a replica while it ends sessions", async () => {
    const [a, b] = await startTwo();
    const victim = await startCoreReplica({ databaseUrl: database.url, redisUrl: redis.url });
    const sessions = await openSessions(a, await makeUser(a), 40);
    const revocations = sessions.map(async (session) => ({
      session,
      outcome: await outcomeOf(signOut(victim, session.accessToken)).catch(() => "killed"),
    }));
    await Promise.any(revocations);
    await victim.kill();
    const outcomes = await Promise.all(revocations);
    for (const { session, outcome } of outcomes) {
      const verdict = await verdictOf(a, session.accessToken);
      if (outcome === "OK") expect(verdict).toBe(ENDED);
      // May or may not have happened, but it does not flicker.
      if (verdict === ENDED) expect(await verdictOf(b, session.accessToken)).toBe(ENDED);
      expect(await outcomeOf(signOut(b, session.accessToken))).toBe("OK");
      expect(await verdictOf(a, session.accessToken)).toBe(ENDED);
    }
  });
});

test("L4 an orderly stop leaves no lease behind that revocations would have to wait for", async () => {
  const a = await start({ heartbeatMs: 0 });
  a.age(2000);
  const renewal = a.core.cacheLease.heartbeat();
  await a.core.cacheLease.leave();
  await renewal;
  expect(await a.database("replicas").select("replica_id")).toEqual([]);
  expect(a.core.cacheLease.lease()).toBeUndefined();
});

describe("L3 a Redis that remembers what is no longer so", () => {
  /** Ends a session on a Redis that comes back as it was before the revocation. */
  const endBeforeStaleRestart = async (wrapHot?: HotWrapper): Promise<string[]> => {
    const [a, b] = await startTwo({ wrapHot });
    const { accessToken, sessionId } = await knownSession(a, b);
    await redisCommand(redis.url, "SAVE");
    await signOut(a, accessToken);
    await redis.restart();
    await untilLeaseIsValid([a, b]);
    // The premise: Redis holds the old entry again, and no trace of the revocation.
    const kept = await redisCommand(redis.url, "KEYS", `*${sessionId}`);
    expect(kept).toEqual([`curfew:session:{0}:${sessionId}`]);
    return [await verdictOf(b, accessToken), await verdictOf(a, accessToken)];
  };

  test("L3 a restart from an old snapshot", async () => {
    expect(await endBeforeStaleRestart()).toEqual([ENDED, ENDED]);
  });

  test("the test above notices a hot store that believes any server", async () => {
    expect(await endBeforeStaleRestart(believesAnyServer)).toContain("valid");
  });

  test("L3 a failover that lost acknowledged writes", async () => {
    const sentinel: SentinelRedis = await startRedisSentinel();
    try {
      const [a, b] = await startTwo({ redisUrl: sentinel.url });
      const { accessToken, sessionId } = await knownSession(a, b);
      await redisCommand(sentinel.first.url, "WAIT", "1", "1000");
      await sentinel.stopReplication();
      await signOut(a, accessToken);
      await sentinel.failOver();
      // The premise: the new master has never heard of the revocation.
      const kept = await redisCommand(sentinel.second.url, "KEYS", `*${sessionId}`);
      expect(kept).toEqual([`curfew:session:{0}:${sessionId}`]);
      for (const replica of [b, a, b]) expect(await verdictOf(replica, accessToken)).toBe(ENDED);
      await untilLeaseIsValid([a, b]);
      for (const replica of [b, a, b]) expect(await verdictOf(replica, accessToken)).toBe(ENDED);
      const sessions = await openSessions(a, await makeUser(a), 100);
      const history = await raceRevocations({ replicas: [a, b], sessions, budgetMs: 1000 });
      expect(history.violations()).toEqual([]);
    } finally {
      await Promise.all(open.splice(0).map((replica) => replica.close()));
      await sentinel.stop();
    }
  });

  test("L3 two replicas that each see another server as the master", async () => {
    const other = await startRedis();
    try {
      const a = await start();
      const b = await start({ redisUrl: other.url });
      const sessions = await openSessions(a, await makeUser(a), 200);
      const history = await raceRevocations({ replicas: [a, b], sessions, budgetMs: 1000 });
      expect(history.violations()).toEqual([]);
      const trusting = [a, b].filter((replica) => replica.core.cacheLease.lease() !== undefined);
      expect(trusting.length).toBeLessThan(2);
    } finally {
      await Promise.all(open.splice(0).map((replica) => replica.close()));
      await other.stop("SIGKILL");
    }
  });
});

test("L2 what a server that nobody agreed on remembers is no answer", async () => {
  const other = await startRedis();
  const stray = openRedis({ url: other.url, commandTimeoutMs: 250 });
  await once(stray.client, "ready");
  try {
    let astray = false;
    // As a cluster client does that was sent to another master, without a connection lost.
    const a = await start({
      heartbeatMs: 0,
      wrapHot(hot) {
        const elsewhere = redisHotStore({
          ...stray,
          idleTimeoutMs: TEST_SETTINGS.idleTimeoutMs,
          activityStepMs: 0,
          now: Date.now,
        });
        return {
          ...hot,
          check: (ask, lease) => (astray ? elsewhere : hot).check(ask, lease),
          checkAll: (asks, lease) => (astray ? elsewhere : hot).checkAll(asks, lease),
          invalidate: (revocations) => (astray ? elsewhere : hot).invalidate(revocations),
        };
      },
    });
    const b = await start({ heartbeatMs: 0 });
    const { accessToken } = await knownSession(a, b);
    astray = true;
    expect(await outcomeOf(signOut(a, accessToken))).toBe("DEPENDENCY_UNAVAILABLE");
    const verdicts = [await verdictOf(a, accessToken), await verdictOf(b, accessToken)];
    expect(verdicts).toEqual(["DEPENDENCY_UNAVAILABLE", "valid"]);
    expect(await outcomeOf(signOut(b, accessToken))).toBe("OK");
    expect([await verdictOf(b, accessToken), await verdictOf(a, accessToken)]).toEqual([
      ENDED,
      ENDED,
    ]);
  } finally {
    stray.client.disconnect();
    await other.stop("SIGKILL");
  }
});

describe("L1 a cache fill that comes late", () => {
  /** Ends a session between another replica's look at the primary store and its fill. */
  const endBeforeFill = async (wrapHot: HotWrapper = (hot) => hot): Promise<string[]> => {
    const gate = new EventEmitter();
    const opened = once(gate, "open");
    const filled = once(gate, "filled");
    const slow: HotWrapper = (hot) => {
      const wrapped = wrapHot(hot);
      return {
        ...wrapped,
        async fill(entry, fillToken, lease) {
          await opened;
          await wrapped.fill(entry, fillToken, lease);
          gate.emit("filled");
        },
      };
    };
    const a = await start();
    const b = await start({ wrapHot: slow });
    const { tokens } = await signIn(a, (await makeUser(a)).username);
    expect(await verdictOf(b, tokens.accessToken)).toBe("valid");
    await signOut(a, tokens.accessToken);
    // The worst case: the tombstone is gone as well.
    await redisCommand(redis.url, "FLUSHALL");
    gate.emit("open");
    await filled;
    return [await verdictOf(a, tokens.accessToken), await verdictOf(b, tokens.accessToken)];
  };

  test("L1 does not bring an ended session back", async () => {
    expect(await endBeforeFill()).toEqual([ENDED, ENDED]);
  });

  test("the test above notices a hot store that ignores fill tokens", async () => {
    expect(await endBeforeFill(ignoresFillTokens(redis.url))).toContain("valid");
  });

  test("the races notice a hot store that forgets to invalidate", async () => {
    const [a, b] = await startTwo({ wrapHot: forgetsToInvalidate });
    const sessions = await openSessions(a, await makeUser(a), 30);
    const history = await raceRevocations({ replicas: [a, b], sessions, budgetMs: 1000 });
    expect(history.violations().join("\n")).toContain("after the revocation answered OK");
  });
});
