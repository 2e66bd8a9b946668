import { expect, test } from "vitest";
import { createReloadGate } from "../../../../src/crypto/keys/reload_gate.js";

function setUp() {
  const state = { time: 0, finish: [] as ((error?: Error) => void)[] };
  const ask = createReloadGate({
    reload: () =>
      new Promise((resolve, reject) => {
        state.finish.push((error) => (error === undefined ? resolve() : reject(error)));
      }),
    monotonic: () => state.time,
    minIntervalMs: 1000,
  });
  return { state, ask };
}

test("who asks while a reload is under way, however long, shares it", async () => {
  const { state, ask } = setUp();
  const first = ask();
  state.time = 60_000;
  expect(ask()).toBe(first);
  state.finish[0]?.();
  await first;
  expect(state.finish).toHaveLength(1);
});

test("the time starts at the end of a reload", async () => {
  const { state, ask } = setUp();
  const first = ask();
  state.time = 5000;
  state.finish[0]?.();
  await first;
  state.time = 5999;
  expect(ask()).toBe(first);
  state.time = 6000;
  const second = ask();
  expect(second).not.toBe(first);
  state.finish[1]?.();
  await second;
});

test("a failure is shared in the same way", async () => {
  const { state, ask } = setUp();
  const first = ask();
  state.finish[0]?.(new Error("down"));
  await expect(first).rejects.toThrow("down");
  await expect(ask()).rejects.toThrow("down");
  state.time = 1000;
  const second = ask();
  state.finish[1]?.();
  await expect(second).resolves.toBeUndefined();
});
