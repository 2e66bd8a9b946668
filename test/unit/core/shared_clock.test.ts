import { expect, test } from "vitest";
import { sharedClock } from "../../../src/core/shared_clock.js";

/** A machine whose wall clock may step, and a store whose clock is right. */
const machine = (wallAhead: number) => {
  let elapsed = 5000;
  let step = wallAhead;
  let start = 1_900_000_000_000;
  const clock = sharedClock({
    wall: () => start + elapsed + step,
    monotonic: () => elapsed,
    sleep: async () => undefined,
  });
  return {
    clock,
    storeNow: () => start + elapsed,
    pass: (ms: number) => {
      elapsed += ms;
    },
    stepWall: (ms: number) => {
      step += ms;
    },
    /** The monotonic clock stands still meanwhile. */
    suspend: (ms: number) => {
      start += ms;
    },
    /** Queries the store, whose answer takes `there` and `back`. */
    ask(there: number, back: number) {
      const sentAt = elapsed;
      elapsed += there;
      const storeNow = start + elapsed;
      elapsed += back;
      clock.synchronise(storeNow, sentAt, elapsed);
    },
  };
};

test("until the store was heard, the wall clock", () => {
  const { clock, storeNow } = machine(3000);
  expect(clock.now()).toBe(storeNow() + 3000);
});

test("A2: two machines with skewed wall clocks agree within half a round trip", () => {
  for (const skew of [-3_600_000, 0, 90_000]) {
    const { clock, ask, pass, storeNow } = machine(skew);
    ask(4, 6);
    pass(123_456);
    expect(Math.abs(clock.now() - storeNow())).toBeLessThanOrEqual(5);
  }
});

test("R7: a wall clock that steps changes nothing", () => {
  const { clock, ask, stepWall, storeNow } = machine(0);
  ask(1, 1);
  stepWall(86_400_000);
  expect(clock.now()).toBe(storeNow());
  ask(1, 1);
  stepWall(-2 * 86_400_000);
  expect(clock.now()).toBe(storeNow());
});

test("the quickest of the last answers counts, not one that was held up", () => {
  const { clock, ask, storeNow } = machine(500);
  ask(1, 1);
  for (let i = 0; i < 7; i++) ask(0, 900);
  expect(Math.abs(clock.now() - storeNow())).toBeLessThanOrEqual(1);
  // It is forgotten in time, since clocks drift.
  ask(0, 900);
  expect(Math.abs(clock.now() - storeNow())).toBe(450);
});

test("of answers that are as quick the newest counts, and time is whole milliseconds", () => {
  const { clock, ask, pass } = machine(0);
  ask(1, 1);
  clock.synchronise(1_900_000_777_000, clock.monotonic() - 2, clock.monotonic());
  expect(clock.now()).toBe(1_900_000_777_001);
  pass(0.4);
  expect(Number.isInteger(clock.now())).toBe(true);
});

test("a suspended machine, or a wall clock that was set, is noticed, until the store was heard", () => {
  for (const disturb of ["suspend", "stepWall"] as const)
    for (const ms of disturb === "suspend" ? [1000, 3_600_000] : [1000, -1000]) {
      const { clock, ask, pass, storeNow, ...machineOf } = machine(0);
      ask(1, 1);
      expect(clock.isSynchronised()).toBe(true);
      const before = clock.interruptions();
      machineOf[disturb](ms);
      expect(clock.isSynchronised()).toBe(false);
      expect(clock.interruptions()).toBe(before + 1);
      ask(1, 1);
      expect([clock.isSynchronised(), clock.interruptions()]).toEqual([true, before + 1]);
      expect(clock.now()).toBe(storeNow());
      pass(10_000);
      expect(clock.now()).toBe(storeNow());
    }
});

test("an answer that was slept through tells no time", () => {
  const { clock, suspend, storeNow } = machine(0);
  const [sentAt, before] = [clock.monotonic(), clock.interruptions()];
  const told = storeNow();
  suspend(5000);
  clock.synchronise(told, sentAt, clock.monotonic(), before);
  expect(clock.isSynchronised()).toBe(false);
});

test("a wall clock that is slewed is no interruption", () => {
  const { clock, ask, pass, stepWall } = machine(0);
  for (let second = 0; second < 600; second++) {
    pass(1000);
    stepWall(0.5);
    ask(1, 1);
  }
  expect(clock.interruptions()).toBe(0);
});
