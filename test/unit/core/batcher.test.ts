import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BatcherOptions, createBatcher } from "../../../src/core/batcher.js";

/** A `createBatcher` whose runs wait to be answered, with everything that was asked of it. */
const gather = (patch: Partial<BatcherOptions<number, string>> = {}) => {
  const runs: {
    items: number[];
    answer: (results?: string[]) => void;
    fail: (cause: unknown) => void;
  }[] = [];
  const ask = createBatcher<number, string>({
    run: (items) =>
      new Promise((resolve, reject) => {
        const answer = (results = items.map((item) => `=${item}`)) => resolve(results);
        runs.push({ items, answer, fail: reject });
      }),
    maxBatch: 100,
    maxInFlight: 100,
    schedule: setImmediate,
    ...patch,
  });
  return { ask, runs, asked: () => runs.map((run) => run.items) };
};

/** The end of a run is noticed in the turn after it, and what waited leaves at the end of that. */
const turnAfterAnswer = async (): Promise<void> => {
  await nextTurn();
  await nextTurn();
};

describe("createBatcher", () => {
  test("gathers one turn into one run and answers each item, duplicates too", async () => {
    const { ask, runs, asked } = gather();
    const answers = Promise.all([ask(1), Promise.resolve().then(() => ask(2)), ask(1)]);
    expect(asked()).toEqual([]);
    await nextTurn();
    expect(asked()).toEqual([[1, 1, 2]]);
    runs[0]?.answer();
    expect(await answers).toEqual(["=1", "=2", "=1"]);
  });

  test("schedules once a turn, and not at all when nothing is asked", async () => {
    const flushes: (() => void)[] = [];
    const { ask, asked } = gather({ schedule: (flush) => flushes.push(flush) });
    expect(flushes).toHaveLength(0);
    void ask(1);
    void ask(2);
    expect(flushes).toHaveLength(1);
    flushes[0]?.();
    expect(asked()).toEqual([[1, 2]]);
    void ask(3);
    expect(flushes).toHaveLength(2);
  });

  test("answers many at once in their order, in the same run as single ones", async () => {
    const { ask, runs, asked } = gather({ maxBatch: 4 });
    const answers = Promise.all([ask(1), ask.all([2, 3, 2, 4, 5]), ask(6), ask.all([])]);
    await nextTurn();
    expect(asked()).toEqual([
      [1, 2, 3, 2],
      [4, 5, 6],
    ]);
    runs[1]?.answer();
    runs[0]?.answer();
    expect(await answers).toEqual(["=1", ["=2", "=3", "=2", "=4", "=5"], "=6", []]);
  });

  test("rejects many when one of their runs does, and nothing else", async () => {
    const { ask, runs } = gather({ maxBatch: 2 });
    const single = ask(1);
    const many = ask.all([2, 3]);
    const failed = expect(many).rejects.toThrow("down");
    await nextTurn();
    runs[0]?.answer();
    runs[1]?.fail(new Error("down"));
    await failed;
    expect(await single).toBe("=1");
  });

  test("takes along all that wait when a run rejects, if they are to fail together", async () => {
    for (const failTogether of [true, false]) {
      const { ask, runs, asked } = gather({ maxBatch: 2, maxInFlight: 1, failTogether });
      const outcomes = [1, 2, 3, 4, 5].map((item) =>
        ask(item).catch((cause: Error) => cause.message),
      );
      await nextTurn();
      runs[0]?.fail(new Error("down"));
      await turnAfterAnswer();
      expect(asked()).toEqual(
        failTogether
          ? [[1, 2]]
          : [
              [1, 2],
              [3, 4],
            ],
      );
      const later = ask(6);
      for (let i = 1; i < 4; i += 1) {
        runs[i]?.answer();
        await turnAfterAnswer();
        if (failTogether && i === 1) await turnAfterAnswer();
      }
      runs.at(-1)?.answer();
      expect(await later).toBe("=6");
      const rest = failTogether ? ["down", "down", "down"] : ["=3", "=4", "=5"];
      expect(await Promise.all(outcomes)).toEqual(["down", "down", ...rest]);
    }
  });

  test("refuses many that would make too many wait, as a whole", async () => {
    const error = () => new Error("full");
    const { ask, asked } = gather({ limit: { maxWaiting: 3, error } });
    void ask(1);
    await expect(ask.all([2, 3, 4])).rejects.toThrow("full");
    void ask.all([5, 6]);
    await nextTurn();
    expect(asked()).toEqual([[1, 5, 6]]);
  });

  test("splits what exceeds a batch, in order", async () => {
    const { ask, asked } = gather({ maxBatch: 2 });
    for (let item = 1; item <= 5; item += 1) void ask(item);
    await nextTurn();
    expect(asked()).toEqual([[1, 2], [3, 4], [5]]);
  });

  test("keeps to the runs allowed at once; what is asked meanwhile goes together", async () => {
    const { ask, runs, asked } = gather({ maxInFlight: 1 });
    void ask(1);
    await nextTurn();
    void ask(2);
    await nextTurn();
    void ask(3);
    await nextTurn();
    expect(asked()).toEqual([[1]]);
    runs[0]?.answer();
    await turnAfterAnswer();
    expect(asked()).toEqual([[1], [2, 3]]);
  });

  test("a rejection is of that run only, and the next ones go on", async () => {
    const { ask, runs } = gather({ maxBatch: 2, maxInFlight: 1 });
    const settled = Promise.allSettled([ask(1), ask(2), ask(3)]);
    await nextTurn();
    const cause = new Error("gone");
    runs[0]?.fail(cause);
    await turnAfterAnswer();
    runs[1]?.answer();
    expect(await settled).toEqual([
      { status: "rejected", reason: cause },
      { status: "rejected", reason: cause },
      { status: "fulfilled", value: "=3" },
    ]);
  });

  test("a run that throws before it returns a promise rejects its items", async () => {
    const ask = createBatcher<number, string>({
      run: () => {
        throw new Error("at once");
      },
      maxBatch: 1,
      maxInFlight: 1,
      schedule: setImmediate,
    });
    const answers = await Promise.allSettled([ask(1), ask(2)]);
    expect(answers.map((answer) => answer.status)).toEqual(["rejected", "rejected"]);
  });

  test("a run with too few results rejects its items instead of leaving some unanswered", async () => {
    const { ask, runs } = gather();
    const answers = Promise.allSettled([ask(1), ask(2)]);
    await nextTurn();
    runs[0]?.answer(["=1"]);
    for (const answer of await answers)
      expect(answer).toMatchObject({ reason: { message: /2 items gave 1 results/ } });
  });

  test("beyond the limit of waiting items asks are rejected at once, until a run has left", async () => {
    const limit = { maxWaiting: 2, error: () => new Error("too many") };
    const { ask, asked } = gather({ maxInFlight: 1, limit });
    void ask(1);
    void ask(2);
    await expect(ask(3)).rejects.toThrow("too many");
    await nextTurn();
    void ask(4);
    void ask(5);
    await expect(ask(6)).rejects.toThrow("too many");
    expect(asked()).toEqual([[1, 2]]);
  });

  test("refuses bounds under which nothing would ever run", () => {
    expect(() => gather({ maxBatch: 0 })).toThrow(RangeError);
    expect(() => gather({ maxInFlight: Number.NaN })).toThrow(RangeError);
  });

  test("any items in any turns are each answered once, within the bounds", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(), { maxLength: 20 }), { maxLength: 10 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 3 }),
        async (turns, maxBatch, maxInFlight) => {
          let running = 0;
          const ask = createBatcher<number, number>({
            run: async (items) => {
              running += 1;
              expect(running).toBeLessThanOrEqual(maxInFlight);
              expect(items.length).toBeGreaterThan(0);
              expect(items.length).toBeLessThanOrEqual(maxBatch);
              for (let i = items.length % 3; i > 0; i -= 1) await nextTurn();
              running -= 1;
              return items.map((item) => item + 1);
            },
            maxBatch,
            maxInFlight,
            schedule: setImmediate,
          });
          const answers: Promise<number>[] = [];
          for (const items of turns) {
            answers.push(...items.map(ask));
            await nextTurn();
          }
          expect(await Promise.all(answers)).toEqual(turns.flat().map((item) => item + 1));
        },
      ),
      { numRuns: 50 },
    );
  });
});
