import { expect, test } from "vitest";
import { createTurns } from "../../../src/core/turns.js";

/** Event-loop turns that come when the test says so, and take as long as it says. */
const stage = () => {
  const tasks: (() => void)[] = [];
  let now = 0;
  const done: number[] = [];
  const turn = createTurns({
    schedule: (task) => void tasks.push(task),
    monotonic: () => now,
    maxPerTurn: 2,
    eachMs: 10,
  });
  return {
    done,
    come(...callers: number[]): void {
      for (const caller of callers) void turn().then(() => done.push(caller));
    },
    /** Resolves when everything of one turn has been done. */
    async pass(ms = 0): Promise<void> {
      now += ms;
      for (const task of tasks.splice(0)) task();
      await new Promise(setImmediate);
    },
  };
};

test("O2 of many callers that are ready at once a few go on in each turn, in order", async () => {
  const { come, pass, done } = stage();
  come(1, 2, 3, 4, 5);
  expect(done).toEqual([]);
  await pass();
  expect(done).toEqual([1, 2]);
  come(6);
  await pass(20);
  expect(done).toEqual([1, 2, 3, 4]);
  await pass();
  expect(done).toEqual([1, 2, 3, 4, 5, 6]);
  come(7);
  await pass();
  expect(done.at(-1)).toBe(7);
});

test("O2 after a turn in which others took long, as many go on as take the same time", async () => {
  const { come, pass, done } = stage();
  come(1, 2, 3, 4, 5, 6, 7);
  await pass(40);
  expect(done).toEqual([1, 2, 3, 4]);
  await pass(1000);
  expect(done).toEqual([1, 2, 3, 4, 5, 6, 7]);
});
