import { expect, test } from "vitest";
import type { CallLimits } from "../../../../src/core/call.js";
import { fail, overloaded, unavailable } from "../../../../src/core/errors.js";
import type { Rotation, SessionStore } from "../../../../src/core/ports/session_store.js";
import { createAnswerLog } from "../../../../src/core/refresh/answer_log.js";
import { createFirstUse } from "../../../../src/core/refresh/first_use.js";
import { outcomeOf } from "../../../support/core_replica.js";
import { type TestCall, testCall } from "../../../support/test_call.js";
import { waitUntil } from "../../../support/wait_until.js";
import { NOW, SETTINGS, session } from "../samples.js";

type Rotate = SessionStore["rotate"];

/** Rotates every session it is given. */
const rotateAll: Rotate = async (rotations) =>
  rotations.map(({ sessionId, generation }) => ({
    session: session({
      id: sessionId,
      refresh: { generation: generation + 1, rotatedAt: NOW, previousRotatedAt: NOW },
    }),
    roles: ["reader"],
  }));

/** @param rotate the result of the store in its first transaction, in its second …; the last is repeated */
const stage = (...rotate: Rotate[]) => {
  const at = { monotonicMs: 0 };
  const asked: { rotations: readonly Rotation[]; call: CallLimits | undefined }[] = [];
  const answers = createAnswerLog({ markAnswered: async () => [] });
  let ids = 0;
  const use = createFirstUse({
    store: {
      rotate(rotations, liveAt, call) {
        asked.push({ rotations, call });
        return (rotate[asked.length - 1] ?? rotate.at(-1) ?? rotateAll)(rotations, liveAt, call);
      },
    },
    activity: { pending: (sessionId) => (sessionId === "used" ? NOW + 5 : 0) },
    answers,
    ids: { next: () => `id ${++ids}` },
    clock: { now: () => NOW, monotonic: () => at.monotonicMs },
    schedule: setImmediate,
    settings: SETTINGS,
  });
  return {
    at,
    asked,
    answers,
    idsOfRun: (run: number) => asked[run]?.rotations.map(({ sessionId }) => sessionId),
    use: (sessionId: string, call?: TestCall, skipActivity = false) =>
      use({ sessionId, generation: 3, skipActivity, ip: "192.0.2.1", call }),
  };
};

test("tokens of one event-loop turn are rotated in one transaction, each for its own caller", async () => {
  const { use, asked } = stage();
  const used = await Promise.all([use("a"), use("b"), use("c")]);
  expect(used.map((one) => one?.session.id)).toEqual(["a", "b", "c"]);
  expect(used.map((one) => one?.terms.jti)).toEqual(["id 1", "id 2", "id 3"]);
  expect(asked).toHaveLength(1);
});

test("of several tokens of one session the first is rotated, and the others are left to a transaction of their own", async () => {
  const { use, idsOfRun } = stage();
  const used = await Promise.all([use("a"), use("b"), use("a"), use("a")]);
  expect(used.map((one) => one?.session.id)).toEqual(["a", "b", undefined, undefined]);
  expect(idsOfRun(0)).toEqual(["a", "b"]);
});

test("what the store leaves alone is left to a transaction of its own", async () => {
  const { use } = stage(async (...given) => [undefined, ...(await rotateAll(...given)).slice(1)]);
  const used = await Promise.all([use("a"), use("b")]);
  expect(used.map((one) => one?.session.id)).toEqual([undefined, "b"]);
});

test("the store is told what Postgres may not know yet: uses, and answers that were sent", async () => {
  const { use, answers, asked } = stage();
  answers.record("used", 3, NOW - 1000);
  answers.record("fresh", 2, NOW - 1000);
  await Promise.all([use("used"), use("fresh", testCall()), use("away", undefined, true)]);
  expect(asked[0]?.rotations).toMatchObject([
    { usedAt: NOW + 5, answeredAt: NOW - 1000, isUnanswered: false },
    { usedAt: NOW, answeredAt: undefined, isUnanswered: true },
    { usedAt: 0 },
  ]);
});

test("R4 the access token never outlives the session", async () => {
  const expiresAt = NOW + 60_000;
  const { use } = stage(async (...given) =>
    (await rotateAll(...given)).map((one) => one && { ...one, session: session({ expiresAt }) }),
  );
  expect((await use("a"))?.terms.expiresAt).toBe(expiresAt);
});

test("I3 the access token never outlives the elevation that it says", async () => {
  const elevated = session({ acr: "gold", acrExpiresAt: NOW + 60_999 });
  const { use } = stage(async (...given) =>
    (await rotateAll(...given)).map((one) => one && { ...one, session: elevated }),
  );
  expect((await use("a"))?.terms.expiresAt).toBe(NOW + 60_000);
});

test("O3 nothing is begun for a caller that has gone", async () => {
  const { use, asked, idsOfRun } = stage();
  const gone = testCall();
  gone.leave();
  const used = await Promise.all([use("a", testCall()), use("b", gone)]);
  expect(used.map((one) => one?.session.id)).toEqual(["a", undefined]);
  expect(idsOfRun(0)).toEqual(["a"]);
  expect(await use("c", gone)).toBe(undefined);
  expect(asked).toHaveLength(1);
});

test("O3 nothing is committed for a caller that leaves meanwhile, and the others are served without it", async () => {
  const leaving = testCall();
  const { use, idsOfRun, asked } = stage(async (_, __, call) => {
    leaving.leave();
    // As the store does before its COMMIT.
    if (call?.signal.aborted) throw fail("DEADLINE_EXCEEDED");
    return [];
  }, rotateAll);
  const used = await Promise.all([use("a", testCall()), use("b", leaving), use("c", testCall())]);
  expect(used.map((one) => one?.session.id)).toEqual(["a", undefined, "c"]);
  expect(idsOfRun(0)).toEqual(["a", "b", "c"]);
  expect(idsOfRun(1)).toEqual(["a", "c"]);
  expect(asked[1]?.call?.signal.aborted).toBe(false);
});

test("O3 callers that leave one after the other hold up the rest for a few transactions at most", async () => {
  const calls = Array.from({ length: 10 }, () => testCall());
  let run = 0;
  const { use, asked } = stage(async () => {
    calls[run++]?.leave();
    throw fail("DEADLINE_EXCEEDED");
  });
  const used = await Promise.all(calls.map((call, i) => use(`session ${i}`, call)));
  expect(used).toEqual(calls.map(() => undefined));
  expect(asked.length).toBeLessThan(calls.length);
});

test("a transaction waits as long as the most patient of its callers", async () => {
  const { use, asked } = stage();
  await Promise.all([use("a", testCall(100)), use("b", testCall(300)), use("c", testCall(200))]);
  expect(asked[0]?.call?.deadlineAt).toBe(300);
  await use("d");
  expect(asked[1]?.call).toBe(undefined);
});

test.each([
  ["DEPENDENCY_UNAVAILABLE", unavailable()],
  ["OVERLOADED", overloaded()],
])("%s is the answer to all", async (reason, failure) => {
  const { use, asked } = stage(() => Promise.reject(failure));
  const outcomes = await Promise.all([outcomeOf(use("a")), outcomeOf(use("b", testCall()))]);
  expect(outcomes).toEqual([reason, reason]);
  expect(asked).toHaveLength(1);
});

test("a defect, which may be of one session alone, leaves all to transactions of their own", async () => {
  const { use } = stage(() => Promise.reject(new TypeError("a row that nobody can read")));
  expect(await Promise.all([use("a"), use("b")])).toEqual([undefined, undefined]);
});

test("O1 what would come too late for its caller is refused at once, with a time to retry", async () => {
  const held: (() => void)[] = [];
  const { use, at, asked } = stage(
    // The first transaction takes 64 s, which makes the average 12.8 s.
    async (...given) => {
      at.monotonicMs += 64_000;
      return rotateAll(...given);
    },
    async (...given) => {
      await new Promise<void>((resolve) => held.push(resolve));
      return rotateAll(...given);
    },
  );
  const patient = (session: string) => use(session, testCall(Number.POSITIVE_INFINITY));
  await patient("first");
  const underWay = Array.from({ length: 128 }, (_, i) => patient(`under way ${i}`));
  await waitUntil("two transactions are under way", () => asked.length === 3);
  const waiting = Array.from({ length: 100 }, (_, i) => patient(`waits ${i}`));
  // A hundred, where 128 begin every 12.8 s: 10 s.
  const failure = await use("late", testCall(at.monotonicMs + 19_000)).catch((error) => error);
  expect(failure).toMatchObject({ reason: "OVERLOADED", metadata: { limit: "refreshes" } });
  expect(failure.retryAfterMs).toBeGreaterThanOrEqual(10_000);
  expect(failure.retryAfterMs).toBeLessThanOrEqual(15_050);
  const inTime = use("in time", testCall(at.monotonicMs + 21_000));
  const release = setInterval(() => held.shift()?.(), 1);
  const used = await Promise.all([...underWay, ...waiting, inTime]);
  clearInterval(release);
  expect(used.every((one) => one !== undefined)).toBe(true);
});

test("O2 refreshes that were rotated together are answered a few in each event-loop turn", async () => {
  const { use } = stage();
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(Array.from({ length: 64 }, (_, i) => use(`session ${i}`)));
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(8);
});
