import { describe, expect, test } from "vitest";
import { createRateLimit } from "../../../src/core/rate_limit.js";

const stage = (given: Partial<Parameters<typeof createRateLimit>[0]> = {}) => {
  const clock = { now: 1000 };
  const limit = createRateLimit({
    burst: 3,
    perSecond: 2,
    maxKeys: 100,
    monotonic: () => clock.now,
    ...given,
  });
  const taken = (key: string, tries: number): number =>
    Array.from({ length: tries }, () => limit.take(key)).filter((wait) => wait === 0).length;
  return { clock, limit, taken };
};

describe("a rate limit", () => {
  test("lets a burst through, then says when the next use is there", () => {
    const { clock, limit, taken } = stage();
    expect(taken("a", 10)).toBe(3);
    expect(limit.take("a")).toBe(500);
    clock.now += 200;
    expect(limit.take("a")).toBe(300);
    clock.now += 300;
    expect(taken("a", 10)).toBe(1);
  });

  test("gives back so many uses a second, never more than the burst", () => {
    const { clock, taken } = stage();
    taken("a", 3);
    clock.now += 1000;
    expect(taken("a", 10)).toBe(2);
    clock.now += 3_600_000;
    expect(taken("a", 10)).toBe(3);
  });

  test("counts each key by itself", () => {
    const { taken } = stage();
    expect([taken("a", 10), taken("b", 10)]).toEqual([3, 3]);
  });

  test("remembers a bounded number of keys, those used last", () => {
    const { limit, taken } = stage({ maxKeys: 2 });
    taken("a", 3);
    taken("b", 2);
    limit.take("c");
    expect(limit.take("b")).toBe(0);
    expect(limit.take("b")).toBeGreaterThan(0);
    // Forgotten, and so as if it were new.
    expect(taken("a", 10)).toBe(3);
  });
});
