import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createFreshness } from "../../../src/validator/local/freshness.js";
import { createServerClock } from "../../../src/validator/local/server_clock.js";

/** Curfew's clock shows this when the process's monotonic clock shows 0. */
const OFFSET = 1_700_000_000_000;
const delay = fc.integer({ min: 0, max: 5000 });

describe("bounds of Curfew's clock", () => {
  test("hold for any delays of any messages", () => {
    const exchange = fc.record({ pause: delay, there: delay, back: delay });
    fc.assert(
      fc.property(fc.array(exchange, { minLength: 1, maxLength: 20 }), (exchanges) => {
        const clock = createServerClock();
        let now = 0;
        for (const { pause, there, back } of exchanges) {
          const sentAt = now + pause;
          const readAt = sentAt + there;
          now = readAt + back;
          clock.answered(sentAt, OFFSET + readAt);
          clock.heard(now, OFFSET + readAt);
          expect(clock.earliest(OFFSET + readAt, now)).toBeLessThanOrEqual(readAt);
          expect(clock.latest(now)).toBeGreaterThanOrEqual(OFFSET + now);
          expect(clock.soonest(now)).toBeLessThanOrEqual(OFFSET + now);
        }
      }),
    );
  });

  test("are as wide as the quickest exchange, and two replicas' difference", () => {
    const clock = createServerClock();
    clock.answered(1000, OFFSET + 1005);
    clock.heard(1010, OFFSET + 1005);
    expect(clock.latest(1010)).toBeCloseTo(OFFSET + 1035, 0);
    expect(clock.soonest(1010)).toBeCloseTo(OFFSET + 985, 0);
  });

  test("widen with time, because clocks drift", () => {
    const clock = createServerClock();
    clock.answered(0, OFFSET);
    expect(clock.latest(100_000) - (OFFSET + 100_000)).toBeCloseTo(40, 0);
  });

  test("are forgotten when Curfew's clock was set, until they are learned anew", () => {
    const clock = createServerClock();
    clock.answered(0, OFFSET);
    clock.heard(1, OFFSET);
    clock.heard(1000, OFFSET + 11_000);
    expect(clock.earliest(OFFSET + 11_000, 1000)).toBe(Number.NEGATIVE_INFINITY);
    clock.answered(2000, OFFSET + 12_001);
    expect(clock.latest(2000)).toBeGreaterThanOrEqual(OFFSET + 12_000);
  });

  test("say nothing before anything is known", () => {
    const clock = createServerClock();
    expect(clock.latest(5)).toBe(Number.POSITIVE_INFINITY);
    expect(clock.soonest(5)).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe("freshness", () => {
  const stage = (wallNow: () => number = () => 0) => {
    const clock = createServerClock();
    clock.answered(0, OFFSET);
    return createFreshness(clock, 1000, wallNow);
  };

  test("L7: counts from when the watermark was true, however late it arrives", () => {
    const freshness = stage();
    freshness.heard(OFFSET + 100, 900);
    expect(freshness.isFresh(1000)).toBe(true);
    expect(freshness.isFresh(1101)).toBe(false);
    expect(freshness.isSilent(1101)).toBe(false);
  });

  test("L7: never counts from later than the arrival, even of a watermark from the future", () => {
    const freshness = stage();
    freshness.heard(OFFSET + 60_000, 500);
    expect(freshness.isFresh(1501)).toBe(false);
  });

  test("L7: time that the machine slept counts, though its monotonic clock stood still", () => {
    let wall = 0;
    const freshness = stage(() => wall);
    freshness.heard(OFFSET + 10, 10);
    wall = 5000;
    expect(freshness.isFresh(20)).toBe(false);
  });

  test("nothing heard is not fresh", () => {
    const freshness = stage();
    expect([freshness.isFresh(0), freshness.isSilent(0), freshness.age(0)]).toEqual([
      false,
      true,
      Number.POSITIVE_INFINITY,
    ]);
  });
});
