import fc from "fast-check";
import { expect, test } from "vitest";
import { twoGenerationCache } from "../../../src/core/two_generation_cache.js";

test("remembers the newer half for certain, nothing wrong ever, and never more than the most", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 200 }),
      (max, keys) => {
        const remembered = twoGenerationCache<number, string>(max);
        const primaryStore = new Map<number, string>();
        keys.forEach((key, i) => {
          remembered.set(key, `${key} at ${i}`);
          // As in a Map: a key that is set again moves to the end.
          primaryStore.delete(key);
          primaryStore.set(key, `${key} at ${i}`);
          const known = [...primaryStore].filter(([each]) => remembered.get(each) !== undefined);
          for (const [each, value] of known) expect(remembered.get(each)).toBe(value);
          expect(known.length).toBeLessThanOrEqual(max);
          for (const [each] of [...primaryStore].slice(-Math.floor(max / 2)))
            expect(remembered.get(each)).toBeDefined();
        });
      },
    ),
  );
});
