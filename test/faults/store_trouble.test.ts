import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type CoreReplica,
  makeUser,
  outcomeOf,
  signIn,
  signOut,
  startCoreReplica,
  verdictOf,
} from "../support/core_replica.js";
import { type RedisServer, startRedis } from "../support/redis.js";
import { redisCommand } from "../support/redis_command.js";
import { startTcpProxy, type TcpProxy } from "../support/tcp_proxy.js";
import { createDatabase, type TestDatabase } from "../support/test_database.js";
import { waitUntil } from "../support/wait_until.js";

const ENDED = "ACCESS_TOKEN_BLACKLISTED";
const UNAVAILABLE = "DEPENDENCY_UNAVAILABLE";
/** Whatever the trouble: a store that returns is used again within this time. The margin is for a busy machine. */
const RETURN_MS = 2000 + 1500;
const LEASE_MS = 15_000;

let database: TestDatabase;
let redis: RedisServer;
/** Between `a` and Redis. */
let redisLink: TcpProxy;
/** Between both replicas and Postgres. */
let postgresLink: TcpProxy;
let a: CoreReplica;
let b: CoreReplica;

beforeEach(async () => {
  database = await createDatabase();
  redis = await startRedis();
  redisLink = await startTcpProxy({ port: redis.port });
  const { hostname, port } = new URL(database.url);
  postgresLink = await startTcpProxy({ host: hostname, port: Number(port) });
  const options = {
    databaseUrl: postgresLink.urlFor(database.url),
    redisTimeoutMs: 60,
    postgresTimeoutMs: 500,
    settings: { maxSessions: 3 },
  };
  a = await startCoreReplica({ ...options, redisUrl: redisLink.urlFor(redis.url) });
  b = await startCoreReplica({ ...options, redisUrl: redis.url });
});
afterEach(async () => {
  for (const link of [redisLink, postgresLink]) link.restore();
  redis.resume();
  await Promise.all([a.close(), b.close()]);
  await Promise.all([redisLink.close(), postgresLink.close()]);
  await redis.stop("SIGKILL");
  await database.drop();
});

const newSession = async (replica: CoreReplica) => {
  const { username } = await makeUser(replica);
  const { tokens, session } = await signIn(replica, username);
  return { ...tokens, username, sessionId: session.id };
};
type Session = Awaited<ReturnType<typeof newSession>>;

/** A session that is in Redis, and one that was ended. */
const knownSessions = async (): Promise<{ live: Session; ended: Session }> => {
  const [live, ended] = [await newSession(a), await newSession(b)];
  await signOut(a, ended.accessToken);
  await waitUntil("the live session is in Redis", async () => {
    expect(await verdictOf(b, live.accessToken)).toBe("valid");
    const keys = await redisCommand(redis.url, "GET", `curfew:session:{0}:${live.sessionId}`);
    return typeof keys === "string" && !keys.startsWith(";");
  });
  return { live, ended };
};

const refresh = (replica: CoreReplica, { refreshToken }: Session) =>
  replica.core.refreshTokens({ refreshToken, ip: "" });

const untilLeaseIsValid = (...replicas: CoreReplica[]) =>
  waitUntil(
    "the replicas trust Redis again",
    () => replicas.every((replica) => replica.core.cacheLease.lease() !== undefined),
    RETURN_MS,
  );

/** Ends a session although the first tries may be answered UNAVAILABLE. */
const signOutAtLast = (replica: CoreReplica, session: Session) =>
  waitUntil(
    "the logout is in force",
    async () => {
      const outcome = await outcomeOf(signOut(replica, session.accessToken));
      expect(["OK", UNAVAILABLE]).toContain(outcome);
      if (outcome === UNAVAILABLE) return false;
      for (const each of [b, a, b]) expect(await verdictOf(each, session.accessToken)).toBe(ENDED);
      return true;
    },
    RETURN_MS,
  );

const expectServiceAsUsual = async (live: Session, ended: Session) => {
  for (const replica of [a, b]) {
    expect(await verdictOf(replica, live.accessToken)).toBe("valid");
    expect(await verdictOf(replica, ended.accessToken)).toBe(ENDED);
    const { accessToken } = await newSession(replica);
    expect(await verdictOf(replica, accessToken)).toBe("valid");
    expect(await outcomeOf(refresh(replica, ended))).toBe("SESSION_REVOKED_OR_INVALID");
  }
  const { tokens } = await refresh(a, live);
  expect(await verdictOf(b, tokens.accessToken)).toBe("valid");
};

describe("Redis in trouble", () => {
  const troubles: readonly { name: string; begin(): unknown; end(): unknown }[] = [
    { name: "down", begin: () => redis.stop("SIGKILL"), end: () => redis.restart() },
    { name: "hung", begin: () => redis.pause(), end: () => redis.resume() },
    { name: "empty", begin: () => redis.restart(), end: () => undefined },
  ];

  test.each(troubles)(
    "L3 Redis $name: all is right from Postgres, and back after",
    async ({ begin, end }) => {
      const { live, ended } = await knownSessions();
      await begin();
      await expectServiceAsUsual(live, ended);
      const evicting = await newSession(a);
      for (let logins = 0; logins < 2; logins++) await signIn(b, evicting.username);
      const { evicted } = await signIn(a, evicting.username);
      expect(evicted.map(({ id }) => id)).toEqual([evicting.sessionId]);
      expect(await verdictOf(b, evicting.accessToken)).toBe(ENDED);
      await signOutAtLast(a, live);

      await end();
      await untilLeaseIsValid(a, b);
      for (const replica of [a, b]) {
        for (const { accessToken } of [live, ended, evicting])
          expect(await verdictOf(replica, accessToken)).toBe(ENDED);
      }
      await expectServiceAsUsual(await newSession(a), ended);
    },
  );
});

describe("one replica cut off from Redis", () => {
  const cuts: readonly [string, () => void][] = [
    ["cut", () => redisLink.cut()],
    ["hung", () => redisLink.hang()],
    ["without answers", () => redisLink.hang("answers")],
  ];

  test.each(cuts)(
    "L3 its link %s: it answers right, and no logout of its is half done",
    async (_name, cut) => {
      const { live, ended } = await knownSessions();
      const others = await Promise.all([newSession(b), newSession(b), newSession(b)]);
      cut();
      await expectServiceAsUsual(live, ended);
      for (const session of others) {
        expect(await verdictOf(b, session.accessToken)).toBe("valid");
        await signOutAtLast(a, session);
      }
      redisLink.restore();
      await untilLeaseIsValid(a, b);
      for (const { accessToken } of others) expect(await verdictOf(a, accessToken)).toBe(ENDED);
    },
  );
});

describe("Postgres in trouble", () => {
  const troubles: readonly [string, () => void][] = [
    ["down", () => postgresLink.cut()],
    ["hung", () => postgresLink.hang()],
    ["without answers", () => postgresLink.hang("answers")],
  ];

  test.each(troubles)(
    "L4 Postgres %s: validation goes on from Redis, and nobody is logged out",
    async (_name, begin) => {
      const { live, ended } = await knownSessions();
      const cold = await newSession(a);
      begin();
      for (const replica of [a, b]) {
        expect(await verdictOf(replica, live.accessToken)).toBe("valid");
        expect(await verdictOf(replica, ended.accessToken)).toBe(ENDED);
      }
      const outcomes = await Promise.all([
        verdictOf(a, cold.accessToken),
        outcomeOf(signIn(a, live.username)),
        outcomeOf(signIn(b, "nobody at all")),
        outcomeOf(refresh(b, live)),
        outcomeOf(signOut(a, live.accessToken)),
        outcomeOf(signOut(b, ended.accessToken)),
        outcomeOf(b.core.end.ofUser(live.sessionId, undefined, { reason: "ADMIN", by: "" })),
      ]);
      expect(outcomes).toEqual(outcomes.map(() => UNAVAILABLE));
      // The logout may or may not have reached Postgres.
      expect(["valid", ENDED]).toContain(await verdictOf(b, live.accessToken));

      postgresLink.restore();
      await waitUntil(
        "logins work again",
        async () =>
          (await outcomeOf(newSession(a))) === "OK" && (await outcomeOf(newSession(b))) === "OK",
        RETURN_MS,
      );
      expect(await verdictOf(a, cold.accessToken)).toBe("valid");
      await signOutAtLast(b, live);
      await untilLeaseIsValid(a, b);
    },
  );

  test("L3 Postgres down for longer than the lease: UNAVAILABLE, not a guess", async () => {
    const { live, ended } = await knownSessions();
    postgresLink.cut();
    expect(await verdictOf(a, live.accessToken)).toBe("valid");
    a.age(LEASE_MS);
    expect(await verdictOf(a, live.accessToken)).toBe(UNAVAILABLE);
    expect(await verdictOf(a, ended.accessToken)).toBe(UNAVAILABLE);
    expect(await verdictOf(b, live.accessToken)).toBe("valid");
    postgresLink.restore();
    await untilLeaseIsValid(a, b);
    expect(await verdictOf(a, live.accessToken)).toBe("valid");
    expect(await verdictOf(a, ended.accessToken)).toBe(ENDED);
  });
});

describe("both in trouble", () => {
  const troubles: readonly [string, () => void][] = [
    ["down", () => postgresLink.cut()],
    ["hung", () => postgresLink.hang()],
  ];

  test.each(troubles)(
    "L3 Redis gone and Postgres %s: UNAVAILABLE for all, no queue, and back after",
    async (_name, begin) => {
      const { live, ended } = await knownSessions();
      begin();
      await redis.stop("SIGKILL");
      const answers = await Promise.all([
        ...Array.from({ length: 3000 }, (_, i) => verdictOf(i % 2 ? a : b, live.accessToken)),
        verdictOf(a, ended.accessToken),
        outcomeOf(signIn(a, live.username)),
        outcomeOf(refresh(b, live)),
        outcomeOf(signOut(a, live.accessToken)),
      ]);
      expect(new Set(answers)).toEqual(new Set([UNAVAILABLE]));

      postgresLink.restore();
      await redis.restart();
      await untilLeaseIsValid(a, b);
      for (const replica of [a, b]) expect(await verdictOf(replica, ended.accessToken)).toBe(ENDED);
      await signOutAtLast(b, live);
      await expectServiceAsUsual(await newSession(b), ended);
    },
  );
});
