import { expect, test } from "vitest";
import { type ThrottleCount, throttleVerdict } from "../../../src/core/throttle_verdict.js";

const LIMITS = { perAccount: 3, perSource: 10, windowMs: 60_000 };

const judge = (account: number, source: number, left: readonly [number, number] = [500, 900]) => {
  const counts: ThrottleCount[] = [
    { of: "account", attempts: account, leftMs: left[0] },
    { of: "source", attempts: source, leftMs: left[1] },
  ];
  return throttleVerdict(counts, LIMITS);
};

const GOES_ON = { retryAfterMs: 0, locked: false };

test("D1 as many attempts as are allowed go on", () => {
  expect(judge(1, 1)).toEqual(GOES_ON);
  expect(judge(3, 10)).toEqual(GOES_ON);
});

test("D1 the first one more locks the account, once, and the rest wait as long", () => {
  expect(judge(4, 4)).toEqual({ retryAfterMs: 500, locked: true });
  expect(judge(5, 5)).toEqual({ retryAfterMs: 500, locked: false });
});

test("D1 a source waits by its own limit, and locks nobody", () => {
  expect(judge(1, 11)).toEqual({ retryAfterMs: 900, locked: false });
  expect(judge(1, 4)).toEqual(GOES_ON);
});

test("D1 the longer wait of the two is told", () => {
  expect(judge(4, 11)).toEqual({ retryAfterMs: 900, locked: true });
  expect(judge(4, 11, [700, 600])).toEqual({ retryAfterMs: 700, locked: true });
});

test("D1 a count over its limit holds to its last moment", () => {
  expect(judge(4, 1, [0, 900])).toEqual({ retryAfterMs: 1, locked: true });
  expect(judge(5, 1, [-3, 900])).toEqual({ retryAfterMs: 1, locked: false });
});

test("D1 nothing counted is nothing in the way", () => {
  expect(throttleVerdict([], LIMITS)).toEqual(GOES_ON);
});
