import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { Activity } from "../../../generated/curfew/v1/auth_service.js";
import { activityReporter, type Use } from "../../../src/validator/local/activity_reporter.js";
import { endedSessions } from "../../../src/validator/local/ended_sessions.js";
import { knownSessions } from "../../../src/validator/local/known_sessions.js";
import { sessionWatchers } from "../../../src/validator/local/session_watchers.js";
import { twoGenerationCache } from "../../../src/validator/local/two_generation_cache.js";
import type { VerifiedToken } from "../../../src/validator/token/token_verifier.js";
import type { ValidSession } from "../../../src/validator/valid_session.js";
import { ValidatorError } from "../../../src/validator/validator_error.js";
import { compileOptions } from "../../../src/validator/validator_options.js";

const revoked = () => new ValidatorError("ACCESS_TOKEN_BLACKLISTED");
const moment = new Date(1_700_000_000_000);

const answer = (sessionId: string): ValidSession => ({
  userId: "u",
  username: "ada",
  roles: [],
  sessionId,
  jti: `jti-${sessionId}`,
  amr: [],
  issuedAt: moment,
  expiresAt: moment,
  authTime: moment,
  lastActivityAt: moment,
  idleExpiresAt: moment,
  revision: 1n,
});

const verified = (sid: string): VerifiedToken => ({
  // The key is not looked at here.
  key: {} as VerifiedToken["key"],
  kid: "k",
  claims: {
    iss: "curfew",
    aud: [],
    sub: "u",
    sid,
    jti: `jti-${sid}`,
    iat: 1,
    exp: 2,
    sexp: 3,
    auth_time: 1,
    amr: [],
    roles: [],
  },
});

test("a recent map is a map of at most twice its capacity that keeps what was used last", () => {
  const key = fc.integer({ min: 0, max: 40 });
  fc.assert(
    fc.property(fc.array(key), (keys) => {
      const map = twoGenerationCache<number, number>(10);
      keys.forEach((used, at) => {
        map.set(used, at);
        expect(map.get(used)).toBe(at);
        expect(map.size).toBeLessThanOrEqual(20);
      });
      const last = new Set(keys.slice(-9));
      for (const used of last) expect(map.get(used)).toBe(keys.lastIndexOf(used));
    }),
  );
});

describe("known sessions", () => {
  test("a token is found by its whole text only", () => {
    const known = knownSessions(10);
    const session = known.learn(answer("s"), 0);
    const text = `head.${"x".repeat(60)}`;
    known.admit(text, verified("s"), session);
    expect(known.token(text)?.result.userId).toBe("u");
    expect(known.token(`evil.${"x".repeat(60)}`)).toBeUndefined();
  });

  test("L7: a token whose session was forgotten is not known: nobody could tell it of its end", () => {
    const known = knownSessions(2);
    known.admit("token-of-s", verified("s"), known.learn(answer("s"), 0));
    for (const other of ["a", "b", "c", "d", "e"]) known.learn(answer(other), 0);
    expect(known.token("token-of-s")).toBeUndefined();
  });

  test("L7: the end of a session reaches all of its tokens, for good", () => {
    const known = knownSessions(10);
    const session = known.learn(answer("s"), 0);
    known.admit("one", verified("s"), session);
    known.admit("two", verified("s"), session);
    known.end("s", revoked);
    for (const text of ["one", "two"]) expect(known.token(text)?.session.verdict).toBe(revoked);
    known.learn(answer("s"), 1);
    expect(known.token("one")?.session.verdict).toBe(revoked);
  });

  test("an older answer does not replace a newer one", () => {
    const known = knownSessions(10);
    known.learn({ ...answer("s"), username: "new" }, 2);
    known.learn({ ...answer("s"), username: "old" }, 1);
    expect(known.session("s")?.answer.username).toBe("new");
  });
});

test("ended sessions are bounded, and forgotten when they matter no more", () => {
  const ended = endedSessions(2);
  ended.add("a", revoked, 10);
  ended.add("b", revoked, 20);
  ended.add("c", revoked, 30);
  expect([ended.size, ended.verdictOn("a")]).toEqual([2, undefined]);
  ended.forget(25);
  expect([ended.verdictOn("b"), ended.verdictOn("c")]).toEqual([undefined, revoked]);
});

test("activity that could not be told is told with the next report, once a session", async () => {
  const told: Activity[][] = [];
  let isOut = true;
  const reporter = activityReporter({
    record: async (activities) => {
      if (isOut) throw new Error("out");
      told.push(activities);
    },
    serverTime: (local) => local + 1000,
    capacity: 2,
    onProblem: () => undefined,
  });
  const use = (sessionId: string, lastUse: number): Use => ({
    sessionId,
    lastUse,
    isWaiting: false,
  });
  const [a, b, c] = [use("a", 1), use("b", 2), use("c", 3)];
  for (const each of [a, b, b, c]) reporter.used(each);
  await expect(reporter.flush()).rejects.toThrow("out");
  isOut = false;
  b.lastUse = 9;
  reporter.used(b);
  await reporter.flush();
  await reporter.flush();
  // The oldest gave way to the bound.
  expect(told).toEqual([
    [
      { sessionId: "b", at: new Date(1009) },
      { sessionId: "c", at: new Date(1003) },
    ],
  ]);
  reporter.close();
});

test("reports that begin to fail are told to the operator, once", async () => {
  vi.useFakeTimers();
  try {
    const problems: string[] = [];
    let isOut = true;
    const reporter = activityReporter({
      record: async () => {
        if (isOut) throw new Error("out");
      },
      serverTime: () => undefined,
      capacity: 2,
      onProblem: ({ message }) => problems.push(message),
    });
    reporter.used({ sessionId: "a", lastUse: 1, isWaiting: false });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(problems).toEqual([expect.stringContaining("RecordActivity")]);
    isOut = false;
    await vi.advanceTimersByTimeAsync(5000);
    isOut = true;
    reporter.used({ sessionId: "a", lastUse: 2, isWaiting: false });
    await vi.advanceTimersByTimeAsync(5000);
    expect(problems).toHaveLength(2);
    reporter.close();
  } finally {
    vi.useRealTimers();
  }
});

test("each watcher of a session is told, whatever another does; not one that has stopped", async () => {
  const watchers = sessionWatchers();
  const told: string[] = [];
  const stop: (() => void)[] = [];
  watchers.add("s", () => {
    told.push("first");
    for (const each of stop) each();
  });
  stop.push(watchers.add("s", () => told.push("stopped")));
  watchers.add("s", () => told.push("third"));
  watchers.add("other", () => told.push("other"));
  watchers.ended("s", revoked);
  watchers.ended("s", revoked);
  await Promise.resolve();
  expect(told).toEqual(["first", "third"]);
});

test("options that cannot be are refused with what they take", () => {
  const targets = ["localhost:50051"];
  const bad: [Parameters<typeof compileOptions>[0], RegExp][] = [
    [{ targets: [] }, /targets must name a replica/],
    [{ targets: ["https://curfew"] }, /"host:port".*not "https:\/\/curfew"/],
    [{ targets, mode: "local" }, /issuer is needed in local mode/],
    [{ targets, maxStaleness: 0 }, /maxStaleness must be a number over 0/],
    [{ targets, deadlineMs: Number.NaN }, /deadlineMs must be a number over 0/],
    [{ targets, connections: 0 }, /connections must be a whole number from 1 to 64/],
  ];
  for (const [options, text] of bad) expect(() => compileOptions(options)).toThrow(text);
  expect(compileOptions({ targets: ["[::1]:50051", "curfew.internal:1"] }).maxStaleness).toBe(1000);
});
