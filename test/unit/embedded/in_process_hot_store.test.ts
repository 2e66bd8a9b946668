import { expect, test } from "vitest";
import type { HotEntry } from "../../../src/core/ports/hot_store.js";
import { inProcessHotStore } from "../../../src/embedded/in_process_hot_store.js";

const NOW = 1_700_000_000_000;
const end = { reason: "LOGOUT", at: NOW, by: "user", revision: 1n } as const;

const entryOf = (sessionId: string): HotEntry => ({
  sessionId,
  userId: "user",
  username: "name",
  roles: [],
  expiresAt: NOW + 60_000,
  lastActivityAt: NOW,
});

const openStore = async (maxSessions: number) => {
  const store = inProcessHotStore({ idleTimeoutMs: 30_000, maxSessions });
  const lease = { serverIds: await store.identify(), epochs: ["1"] };
  const ask = (sessionId: string, now = NOW) => store.check({ sessionId, now, touchAt: 0 }, lease);
  const remember = async (sessionId: string) => {
    const answer = await ask(sessionId);
    if (answer.kind === "unknown")
      await store.fill(entryOf(sessionId), answer.fillToken ?? "", lease);
  };
  return { store, ask, remember };
};

test("each store is another server", async () => {
  const [first, second] = await Promise.all([openStore(1), openStore(1)]);
  expect(await first.store.identify()).toHaveLength(1);
  expect(await first.store.identify()).not.toEqual(await second.store.identify());
});

test("a tombstone lives as long as the last access token it could kill", async () => {
  const { store, ask } = await openStore(10);
  await store.invalidate([{ sessionId: "s", userId: "user", end, accessExpiresAt: NOW + 1000 }]);
  expect(await ask("s", NOW + 999)).toMatchObject({ kind: "ended" });
  expect(await ask("s", NOW + 1000)).toMatchObject({ kind: "unknown" });
});

test("the least recently used session makes room", async () => {
  const { ask, remember } = await openStore(2);
  await remember("a");
  await remember("b");
  await ask("a");
  await remember("c");
  expect(await ask("a")).toMatchObject({ kind: "live" });
  expect(await ask("c")).toMatchObject({ kind: "live" });
  expect(await ask("b")).toMatchObject({ kind: "unknown" });
});

test("live sessions do not push tombstones out", async () => {
  const { store, ask, remember } = await openStore(2);
  await store.invalidate([{ sessionId: "s", userId: "user", end, accessExpiresAt: NOW + 1000 }]);
  for (let i = 0; i < 10; i += 1) await remember(`live-${i}`);
  expect(await ask("s")).toMatchObject({ kind: "ended" });
});
