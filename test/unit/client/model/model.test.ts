import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { BrowserKind } from "./browser.js";
import { checkRun } from "./check.js";
import { anyStep } from "./steps.js";

/**
 * The same runs each time, so that a failure is of the change at hand. For
 * others: `CLIENT_MODEL_RUNS=100000 CLIENT_MODEL_SEED=1 npx vitest run test/unit/client/model`.
 */
const RUNS = Number(process.env.CLIENT_MODEL_RUNS ?? 500);
const SEED = Number(process.env.CLIENT_MODEL_SEED ?? 11);
vi.setConfig({ testTimeout: 60_000 + RUNS * 100 });

const anyBrowser: fc.Arbitrary<BrowserKind> = fc.record({
  mode: fc.constantFrom("cookie", "cookie", "bearer"),
  hasLocks: fc.boolean(),
  channel: fc.constantFrom("works", "works", "throws", "missing"),
  hasOtherApplication: fc.boolean(),
  pages: fc.integer({ min: 2, max: 4 }),
});

test(`the browser never loses a good session, and never keeps a dead one (seed ${SEED})`, async () => {
  const steps = fc.array(anyStep, { maxLength: 30, size: "max" });
  await fc.assert(fc.asyncProperty(anyBrowser, steps, checkRun), {
    numRuns: RUNS,
    seed: SEED,
    endOnFailure: false,
  });
  expect(RUNS).toBeGreaterThan(0);
});
