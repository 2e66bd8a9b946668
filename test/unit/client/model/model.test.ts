import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { checkRun } from "./check.js";
import { regressions } from "./regressions.js";
import { anyBrowser, anyStep } from "./steps.js";

/**
 * The same runs each time, so that a failure is of the change at hand. For
 * others: `CLIENT_MODEL_RUNS=100000 CLIENT_MODEL_SEED=1 npx vitest run test/unit/client/model`.
 */
const RUNS = Number(process.env.CLIENT_MODEL_RUNS ?? 500);
const SEED = Number(process.env.CLIENT_MODEL_SEED ?? 11);
vi.setConfig({ testTimeout: 60_000 + RUNS * 100 });

test.each(regressions)("a run that has failed once: $what", ({ kind, steps }) =>
  checkRun(kind, steps),
);

test(`the browser never loses a good session, and never keeps a dead one (seed ${SEED})`, async () => {
  const steps = fc.array(anyStep, { maxLength: 30, size: "max" });
  await fc.assert(fc.asyncProperty(anyBrowser, steps, checkRun), {
    numRuns: RUNS,
    seed: SEED,
    endOnFailure: false,
  });
  expect(RUNS).toBeGreaterThan(0);
});
