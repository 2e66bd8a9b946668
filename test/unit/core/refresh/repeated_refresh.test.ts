import fc from "fast-check";
import { expect, test } from "vitest";
import { CurfewError, unavailable } from "../../../../src/core/errors.js";
import type { SessionStore } from "../../../../src/core/ports/session_store.js";
import { type TestCall, testCall } from "../../../support/test_call.js";
import { refreshStage } from "../refresh_stage.js";
import { SETTINGS } from "../samples.js";

/** What becomes of one refresh, as its client and Postgres see it. */
const FATES = [
  "is answered",
  "is answered, and the process is killed before it notes so",
  "is cancelled before it begins",
  "is cancelled in its transaction",
  "is cancelled after its commit",
  "is cancelled, and its transaction goes on when the client has repeated it",
  "finds Postgres gone before the commit",
  "is told that Postgres is gone, and was committed",
  "finds the process killed before the commit",
  "finds the process killed after the commit",
] as const;
type Fate = (typeof FATES)[number];

interface Attempt {
  readonly fate: Fate;
  /** Before the attempt, in milliseconds: within the grace time or far beyond. */
  readonly waitMs: number;
  /** Whether notes of answers reach Postgres before it. */
  readonly isFlushed: boolean;
}

const attempts: fc.Arbitrary<Attempt[]> = fc.array(
  fc.record({
    fate: fc.constantFrom(...FATES),
    waitMs: fc.constantFrom(0, 1, SETTINGS.graceMs - 1, SETTINGS.graceMs, 5 * SETTINGS.graceMs),
    isFlushed: fc.boolean(),
  }),
  { minLength: 1, maxLength: 30 },
);

/** A store whose transactions end as the fate of their call has it. */
const fatefulStore = (fateOf: () => { fate: Fate; call: TestCall }, late: (() => void)[]) => {
  const wrap = (store: SessionStore): SessionStore => ({
    ...store,
    async transaction(work, limits) {
      const { fate, call } = fateOf();
      switch (fate) {
        case "is cancelled in its transaction":
          return store.transaction(async (tx) => {
            const result = await work(tx);
            call.leave();
            return result;
          }, limits);
        case "is cancelled, and its transaction goes on when the client has repeated it":
          call.leave();
          await new Promise<void>((resolve) => late.push(resolve));
          return store.transaction(work, limits);
        case "finds Postgres gone before the commit":
        case "finds the process killed before the commit":
          return store.transaction(async (tx) => {
            await work(tx);
            throw unavailable();
          }, limits);
        case "is told that Postgres is gone, and was committed":
          await store.transaction(work, limits);
          throw unavailable();
        default:
          return store.transaction(work, limits);
      }
    },
  });
  return wrap;
};

test("O3 R2 R6 a client that only repeats the last token it holds is never called a thief", async () => {
  const property = fc.asyncProperty(attempts, async (plan) => {
    const late: (() => void)[] = [];
    const going: Promise<unknown>[] = [];
    let current: { fate: Fate; call: TestCall } = { fate: "is answered", call: testCall() };
    const stage = refreshStage(
      {},
      fatefulStore(() => current, late),
    );
    let held = "session/1/key";

    const attempt = async ({ fate, waitMs, isFlushed }: Attempt): Promise<void> => {
      stage.now += waitMs;
      if (isFlushed) await stage.flushAnswers();
      const call = testCall();
      current = { fate, call };
      if (fate === "is cancelled before it begins") call.leave();
      const refresh = stage.present(held, {}, call).then(
        ({ tokens }) => tokens.refreshToken,
        (failure: unknown) => {
          if (failure instanceof CurfewError) return failure;
          throw failure;
        },
      );
      if (fate === "is cancelled, and its transaction goes on when the client has repeated it") {
        going.push(refresh);
        return;
      }
      const answer = await refresh;
      if (answer instanceof CurfewError)
        expect(["DEPENDENCY_UNAVAILABLE", "DEADLINE_EXCEEDED"]).toContain(answer.reason);
      if (fate === "is answered" || fate.startsWith("is answered,")) {
        expect(answer).toBe(`session/${Number(held.split("/")[1]) + 1}/key`);
        call.receive();
        held = String(answer);
      } else if (!fate.includes("killed")) call.leave();
      if (fate.includes("killed")) stage.crash();
      for (const goOn of late.splice(0)) goOn();
      await Promise.all(going.splice(0));
    };

    for (const step of plan) await attempt(step);
    await attempt({ fate: "is answered", waitMs: 5 * SETTINGS.graceMs, isFlushed: true });
    expect(stage.primaryStore.session("session").end).toBeUndefined();
    expect(stage.primaryStore.eventTypes()).not.toContain("REFRESH_REUSED");
  });
  await fc.assert(property, { numRuns: 1000 });
}, 60_000);
