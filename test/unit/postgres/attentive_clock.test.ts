import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createAttentiveClock } from "../../../src/postgres/attentive_clock.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("O1 the clock of silence", () => {
  test("counts time while the event loop turns", () => {
    const clock = createAttentiveClock();
    const stop = clock.run();
    const before = clock.now();
    vi.advanceTimersByTime(300);
    expect(clock.now() - before).toBeGreaterThanOrEqual(280);
    expect(clock.now() - before).toBeLessThanOrEqual(300);
    stop();
  });

  test("stands still while the event loop is late", () => {
    let at = 0;
    const clock = createAttentiveClock(() => at);
    const stop = clock.run();
    at += 5000;
    vi.advanceTimersByTime(20);
    expect(clock.now()).toBeLessThan(100);
    stop();
  });

  test("stands still while nobody waits, and goes on from there", () => {
    const clock = createAttentiveClock();
    clock.run()();
    const stopped = clock.now();
    vi.advanceTimersByTime(60_000);
    expect(clock.now()).toBe(stopped);
    const stop = clock.run();
    const other = clock.run();
    vi.advanceTimersByTime(100);
    stop();
    vi.advanceTimersByTime(100);
    expect(clock.now() - stopped).toBeGreaterThanOrEqual(180);
    other();
    expect(vi.getTimerCount()).toBe(0);
  });
});
