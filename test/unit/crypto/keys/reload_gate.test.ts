import { expect, test } from "vitest";
import { createReloadGate } from "../../../../src/crypto/keys/reload_gate.js";

function setUp() {
  const state = { time: 0, starts: [] as number[], finish: [] as ((error?: Error) => void)[] };
  const sleepers: { readonly at: number; wake(): void }[] = [];
  const ask = createReloadGate({
    reload: () =>
      new Promise((resolve, reject) => {
        state.starts.push(state.time);
        state.finish.push((error) => (error === undefined ? resolve() : reject(error)));
      }),
    clock: {
      monotonic: () => state.time,
      sleep: (ms) =>
        new Promise((resolve) => sleepers.push({ at: state.time + ms, wake: () => resolve() })),
    },
    minIntervalMs: 1000,
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  async function moveTo(time: number): Promise<void> {
    await turn();
    state.time = time;
    for (const { wake } of sleepers.filter(({ at }) => at <= time)) wake();
    await turn();
  }
  return { state, ask, moveTo };
}

test("a question that comes while a load is under way waits for the next one", async () => {
  const { state, ask, moveTo } = setUp();
  const first = ask();
  await moveTo(60_000);
  expect(state.starts).toEqual([0]);
  const second = ask();
  expect(ask()).toBe(second);
  state.finish[0]?.();
  await first;
  await moveTo(61_000);
  expect(state.starts).toEqual([0, 61_000]);
  state.finish[1]?.();
  await second;
});

test("questions at any rate begin no more than one load in the interval, and each has its load", async () => {
  const { state, ask, moveTo } = setUp();
  const asked: { readonly at: number; readonly answer: Promise<number> }[] = [];
  for (let time = 0; time < 10_000; time += 50) {
    await moveTo(time);
    state.finish.at(-1)?.();
    asked.push({ at: time, answer: ask().then(() => state.starts.length) });
  }
  for (let time = 10_000; time < 13_000; time += 100) {
    await moveTo(time);
    state.finish.at(-1)?.();
  }
  expect(state.starts.length).toBeLessThan(13);
  for (const { at, answer } of asked)
    expect(state.starts[(await answer) - 1]).toBeGreaterThanOrEqual(at);
});

test("a failure is that of the load, and the next question loads again", async () => {
  const { state, ask, moveTo } = setUp();
  const first = ask();
  await moveTo(0);
  const failed = expect(first).rejects.toThrow("down");
  state.finish[0]?.(new Error("down"));
  await failed;
  const second = ask();
  await moveTo(1000);
  state.finish[1]?.();
  await expect(second).resolves.toBeUndefined();
});
