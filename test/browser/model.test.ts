import fc from "fast-check";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { launchBrowser } from "../support/chromium.js";
import { violationsOf } from "./model/check_run.js";
import { startModelSite } from "./model/model_site.js";
import type { RunKind, RunStep, RunTrace } from "./model/run_types.js";

/**
 * A short form of the model. The long one:
 * `CLIENT_MODEL_RUNS=2000 CLIENT_MODEL_SEED=1 npx vitest run --project stores test/browser/model.test.ts`
 */
const RUNS = Number(process.env.CLIENT_MODEL_RUNS ?? 25);
const SEED = Number(process.env.CLIENT_MODEL_SEED ?? 11);
vi.setConfig({ testTimeout: 120_000 + RUNS * 2000, hookTimeout: 120_000 });

let site: Awaited<ReturnType<typeof startModelSite>>;
let browser: Browser | undefined;
let page: Page;
beforeAll(async () => {
  [site, browser] = await Promise.all([startModelSite(), launchBrowser()]);
  page = await browser.newPage();
  await page.goto(site.origin);
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
});

const anyPage = fc.nat({ max: 3 });
const anyKind: fc.Arbitrary<RunKind> = fc.record({
  mode: fc.constantFrom("cookie", "cookie", "bearer"),
  hasLocks: fc.boolean(),
  channel: fc.constantFrom("works", "works", "throws", "missing"),
  hasOtherApplication: fc.boolean(),
  pages: fc.integer({ min: 2, max: 4 }),
} as const);
const anyStep: fc.Arbitrary<RunStep> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("login" as const),
      page: anyPage,
      user: fc.constantFrom("ann", "bob"),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        ...(["get", "post", "post", "refresh", "logout", "adopt", "reload", "close"] as const),
        ...(["hold", "release", "release"] as const),
      ),
      page: anyPage,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        ...(["offline", "online", "online", "lose", "end", "clear cookies", "wake"] as const),
        ...(["clear storage", "storage fails", "storage works"] as const),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("foreign" as const),
      status: fc.constantFrom(200, 204, 400, 401, 403, 404, 429, 500, 502, 503, 599),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("jump" as const),
      seconds: fc.constantFrom(12, 310),
    }),
  },
);

async function run(kind: RunKind, steps: readonly RunStep[]): Promise<readonly string[]> {
  const call = `runModel(${JSON.stringify(kind)}, ${JSON.stringify(steps)})`;
  return violationsOf(kind, steps, (await page.evaluate(call)) as RunTrace);
}

test(`in Chromium no good session is lost, and no dead one is kept (${RUNS} runs, seed ${SEED})`, async () => {
  const steps = fc.array(anyStep, { maxLength: 16, size: "max" });
  await fc.assert(
    fc.asyncProperty(anyKind, steps, async (kind, each) => {
      expect(await run(kind, each)).toEqual([]);
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: false },
  );
});
