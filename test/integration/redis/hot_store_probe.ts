import { randomUUID } from "node:crypto";
import type { HotAnswer, HotStore, Lease } from "../../../src/core/ports/hot_store.js";
import type { PendingInvalidation } from "../../../src/core/ports/session_store.js";
import { activityStepMs } from "../../../src/core/settings.js";
import { openRedis } from "../../../src/redis/client.js";
import { redisHotStore } from "../../../src/redis/hot_store.js";
import { waitUntil } from "../../support/wait_until.js";

export const HOUR = 3_600_000;
export const IDLE_TIMEOUT_MS = 30 * 60_000;

export const openHotStore = (url: string, commandTimeoutMs = 2000): HotStore =>
  redisHotStore({
    ...openRedis({ url, commandTimeoutMs }),
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    activityStepMs: activityStepMs({ idleTimeoutMs: IDLE_TIMEOUT_MS, limitPolicy: "evict_oldest" }),
    now: Date.now,
  });

export const answers = (store: HotStore): Promise<boolean> =>
  store.identify().then(
    (ids) => ids.every((id) => id !== ""),
    () => false,
  );

/** The lease of a replica that uses the servers reached now. */
export const cacheLease = async (store: HotStore, epoch = "1", waitMs = 10_000): Promise<Lease> => {
  await waitUntil("the servers answer", () => answers(store), waitMs);
  const serverIds = await store.identify();
  return { serverIds, epochs: serverIds.map(() => epoch) };
};

export const ask = (store: HotStore, sessionId: string, lease: Lease): Promise<HotAnswer> =>
  store.check({ sessionId, now: Date.now(), touchAt: 0 }, lease);

/** Remembers a session, live; resolves to whether the store now says so. */
export const remember = async (
  store: HotStore,
  sessionId: string,
  lease: Lease,
): Promise<boolean> => {
  const answer = await ask(store, sessionId, lease);
  const fillToken = answer.kind === "unknown" ? answer.fillToken : undefined;
  const now = Date.now();
  const entry = {
    sessionId,
    userId: "user",
    username: "ada",
    roles: ["admin"],
    expiresAt: now + HOUR,
    lastActivityAt: now,
  };
  await store.fill(entry, fillToken ?? "", lease);
  return (await ask(store, sessionId, lease)).kind === "live";
};

export const revocation = (
  sessionId: string,
  accessExpiresAt = Date.now() + HOUR,
): PendingInvalidation => ({
  sessionId,
  userId: "user",
  end: { reason: "LOGOUT", at: Date.now(), by: "user", revision: 1n },
  accessExpiresAt,
});

/** The states of one session that is checked, filled in and invalidated. */
export const lifeOf = async (store: HotStore, waitMs?: number): Promise<string[]> => {
  const id = randomUUID();
  const lease = await cacheLease(store, "1", waitMs);
  const kinds = [(await ask(store, id, lease)).kind];
  await remember(store, id, lease);
  kinds.push((await ask(store, id, lease)).kind);
  await store.invalidate([revocation(id)]);
  kinds.push((await ask(store, id, lease)).kind);
  return kinds;
};
