import { expect, test } from "vitest";
import type { Activity } from "../../../../src/core/ports/session_store.js";
import { activityLog } from "../../../../src/core/session/activity_log.js";

/** A log over a store that can be slow, skip sessions or fail. */
const logOn = (
  touch: (activity: readonly Activity[]) => Promise<string[]> = async (all) =>
    all.map(({ sessionId }) => sessionId),
) => {
  const writes: Activity[][] = [];
  const log = activityLog({
    touch(activity) {
      writes.push([...activity]);
      return touch(activity);
    },
  });
  return { log, writes };
};

test("A3: of any number of uses the newest is written, once", async () => {
  const { log, writes } = logOn();
  for (const at of [5, 9, 7]) log.record("a", at);
  log.record("b", 3);
  expect(log.pending("a")).toBe(9);
  expect(log.pending("nobody")).toBe(0);
  await log.flush();
  await log.flush();
  expect(writes).toEqual([
    [
      { sessionId: "a", at: 9 },
      { sessionId: "b", at: 3 },
    ],
  ]);
  expect(log.pending("a")).toBe(0);
});

test("A3: many sessions are written in batches, each once", async () => {
  const { log, writes } = logOn();
  for (let i = 0; i < 2500; i++) log.record(`session ${i}`, i + 1);
  await log.flush();
  expect(writes.map((batch) => batch.length)).toEqual([1000, 1000, 500]);
  expect(new Set(writes.flat().map(({ sessionId }) => sessionId)).size).toBe(2500);
});

test("A1: what the store passed over is written with the next flush", async () => {
  let held = "a";
  const { log, writes } = logOn(async (all) =>
    all.map(({ sessionId }) => sessionId).filter((id) => id !== held),
  );
  log.record("a", 1);
  log.record("b", 2);
  await log.flush();
  expect([log.pending("a"), log.pending("b")]).toEqual([1, 0]);
  held = "";
  await log.flush();
  expect(writes[1]).toEqual([{ sessionId: "a", at: 1 }]);
  expect(log.pending("a")).toBe(0);
});

test("A1: a use that comes while an earlier one is written is not lost", async () => {
  let finish = (): void => undefined;
  const { log, writes } = logOn(
    (all) =>
      new Promise((resolve) => {
        finish = () => resolve(all.map(({ sessionId }) => sessionId));
      }),
  );
  log.record("a", 1);
  const first = log.flush();
  await Promise.resolve();
  log.record("a", 2);
  finish();
  await first;
  expect(log.pending("a")).toBe(2);
  const second = log.flush();
  await Promise.resolve();
  await Promise.resolve();
  finish();
  await second;
  expect(writes.flat().map(({ at }) => at)).toEqual([1, 2]);
});

test("A1: a flush that fails tells so, forgets nothing, and does not stop the next", async () => {
  let down = true;
  const { log } = logOn(async (all) => {
    if (down) throw new Error("down");
    return all.map(({ sessionId }) => sessionId);
  });
  log.record("a", 1);
  await expect(log.flush()).rejects.toThrow("down");
  expect(log.pending("a")).toBe(1);
  down = false;
  await log.flush();
  expect(log.pending("a")).toBe(0);
});

test("flushes come one after the other, and the last includes what was recorded before it", async () => {
  const { log, writes } = logOn();
  log.record("a", 1);
  const first = log.flush();
  log.record("b", 2);
  const last = log.flush();
  await Promise.all([first, last]);
  expect(log.pending("b")).toBe(0);
  expect(writes.flat().map(({ sessionId }) => sessionId)).toEqual(["a", "b"]);
});

test("D5: while the store is away a million sessions are remembered, the first ones forgotten", () => {
  const { log } = logOn();
  for (let i = 0; i <= 1_000_000; i++) log.record(`${i}`, 1);
  expect(log.pending("0")).toBe(0);
  expect(log.pending("1")).toBe(1);
  expect(log.pending("1000000")).toBe(1);
});
