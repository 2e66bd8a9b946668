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
import { startTcpProxy, type TcpProxy } from "../support/tcp_proxy.js";
import { createDatabase, type TestDatabase } from "../support/test_database.js";
import { waitUntil } from "../support/wait_until.js";

const ENDED = "ACCESS_TOKEN_BLACKLISTED";
const UNAVAILABLE = "DEPENDENCY_UNAVAILABLE";
const FIRST_ANSWER_MS = 250;
const LATER_P99_MS = 50;
const LOGIN_MS = 1000;

let database: TestDatabase;
let redis: RedisServer;
let postgresLink: TcpProxy;
let replicas: readonly [CoreReplica, CoreReplica];

beforeEach(async () => {
  database = await createDatabase();
  redis = await startRedis();
  const { hostname, port } = new URL(database.url);
  postgresLink = await startTcpProxy({ host: hostname, port: Number(port) });
  // As the service does it, by default.
  const options = {
    databaseUrl: postgresLink.urlFor(database.url),
    redisUrl: redis.url,
    heartbeatMs: 100,
    redisTimeoutMs: 50,
    postgresTimeoutMs: 200,
  };
  replicas = [await startCoreReplica(options), await startCoreReplica(options)];
});
afterEach(async () => {
  postgresLink.restore();
  redis.resume();
  await Promise.all(replicas.map((replica) => replica.close()));
  await postgresLink.close();
  await redis.stop("SIGKILL");
  await database.drop();
});

const newSession = async (replica: CoreReplica) => {
  const { username } = await makeUser(replica);
  const { tokens } = await signIn(replica, username);
  expect(await verdictOf(replica, tokens.accessToken)).toBe("valid");
  return { ...tokens, username };
};

const timed = async <T>(call: () => Promise<T>): Promise<{ answer: T; ms: number }> => {
  const begun = performance.now();
  const answer = await call();
  return { answer, ms: performance.now() - begun };
};

const p99 = (values: readonly number[]): number =>
  [...values].sort((x, y) => x - y)[Math.ceil(values.length * 0.99) - 1] ?? Number.NaN;

describe("how soon answers come when Redis is in trouble", () => {
  const troubles: readonly [string, () => unknown][] = [
    ["down", () => redis.stop("SIGKILL")],
    ["hung", () => redis.pause()],
  ];

  test.each(troubles)(
    "L3 Redis %s: the first within 250 ms, then p99 within 50 ms",
    async (_name, begin) => {
      const [a] = replicas;
      const live = await newSession(a);
      await begin();
      const first = await timed(() => verdictOf(a, live.accessToken));
      expect(first.answer).toBe("valid");
      expect(first.ms).toBeLessThanOrEqual(FIRST_ANSWER_MS);
      const later: number[] = [];
      for (let calls = 0; calls < 300; calls++) {
        const { answer, ms } = await timed(() => verdictOf(a, live.accessToken));
        expect(answer).toBe("valid");
        later.push(ms);
      }
      expect(p99(later)).toBeLessThanOrEqual(LATER_P99_MS);
      const login = await timed(() => signIn(a, live.username));
      expect(login.ms).toBeLessThanOrEqual(LOGIN_MS);
      const { refreshToken } = live;
      const refresh = await timed(() => a.core.refreshTokens({ refreshToken, ip: "" }));
      expect(refresh.ms).toBeLessThanOrEqual(LOGIN_MS);
    },
  );

  test.each(troubles)(
    "L4 Redis %s: the first logout is OK within 250 ms, and in force",
    async (_name, begin) => {
      const [a, b] = replicas;
      const live = await newSession(a);
      await begin();
      const { answer, ms } = await timed(() => outcomeOf(signOut(a, live.accessToken)));
      expect(answer).toBe("OK");
      expect(ms).toBeLessThanOrEqual(FIRST_ANSWER_MS);
      expect(await verdictOf(b, live.accessToken)).toBe(ENDED);
    },
  );
});

describe("how soon answers come without Postgres", () => {
  test("L3 Postgres down: all within 250 ms", async () => {
    const [a, b] = replicas;
    const live = await newSession(a);
    await waitUntil("the session is in Redis", async () => {
      postgresLink.cut();
      const verdict = await verdictOf(b, live.accessToken);
      if (verdict !== "valid") postgresLink.restore();
      return verdict === "valid";
    });
    const { refreshToken } = live;
    const calls: readonly [() => Promise<string>, string][] = [
      [() => verdictOf(a, live.accessToken), "valid"],
      [() => outcomeOf(signIn(a, live.username)), UNAVAILABLE],
      [() => outcomeOf(a.core.refreshTokens({ refreshToken, ip: "" })), UNAVAILABLE],
      [() => outcomeOf(signOut(a, live.accessToken)), UNAVAILABLE],
    ];
    for (const [call, expected] of calls) {
      const { answer, ms } = await timed(call);
      expect(answer).toBe(expected);
      expect(ms).toBeLessThanOrEqual(FIRST_ANSWER_MS);
    }
  });

  test("L3 both down: UNAVAILABLE within 250 ms, however many ask", async () => {
    const [a] = replicas;
    const live = await newSession(a);
    postgresLink.cut();
    await redis.stop("SIGKILL");
    for (let round = 0; round < 3; round++) {
      const { answer, ms } = await timed(() => verdictOf(a, live.accessToken));
      expect(answer).toBe(UNAVAILABLE);
      expect(ms).toBeLessThanOrEqual(FIRST_ANSWER_MS);
      const many = await timed(() =>
        Promise.all(Array.from({ length: 2000 }, () => verdictOf(a, live.accessToken))),
      );
      expect(new Set(many.answer)).toEqual(new Set([UNAVAILABLE]));
      expect(many.ms).toBeLessThanOrEqual(4 * FIRST_ANSWER_MS);
    }
  });
});
