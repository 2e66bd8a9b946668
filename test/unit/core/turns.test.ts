import { expect, test } from "vitest";
import { createTurns } from "../../../src/core/turns.js";

/** Event-loop turns that come when the test says so. */
const manualTurns = () => {
  const tasks: (() => void)[] = [];
  return {
    schedule: (task: () => void) => void tasks.push(task),
    /** Resolves when everything of one turn has been done. */
    async pass(): Promise<void> {
      for (const task of tasks.splice(0)) task();
      await new Promise(setImmediate);
    },
  };
};

test("O2 of many callers that are ready at once a few go on in each turn, in order", async () => {
  const loop = manualTurns();
  const turn = createTurns(loop.schedule, 2);
  const done: number[] = [];
  for (const caller of [1, 2, 3, 4, 5]) void turn().then(() => done.push(caller));
  expect(done).toEqual([]);
  await loop.pass();
  expect(done).toEqual([1, 2]);
  void turn().then(() => done.push(6));
  await loop.pass();
  expect(done).toEqual([1, 2, 3, 4]);
  await loop.pass();
  expect(done).toEqual([1, 2, 3, 4, 5, 6]);
  void turn().then(() => done.push(7));
  await loop.pass();
  expect(done.at(-1)).toBe(7);
});
