import type { HotEntry, HotStore, Lease } from "../../src/core/ports/hot_store.js";
import type { PendingInvalidation } from "../../src/core/ports/session_store.js";

export interface HotStoreOptions {
  readonly idleTimeoutMs: number;
  /** How many sessions it must be able to hold; `evict` may be cheaper when it holds no more. */
  readonly capacity: number;
}

/** A hot store under test, and the faults that can affect it. */
export interface HotStoreUnderTest {
  /** After a reset this may be another one. */
  readonly store: HotStore;
  /** Drops the session's entry, tombstone and fill tokens, as memory pressure would; others may go too. */
  evict(sessionId: string): Promise<void>;
  /** The servers lose everything and come back as others; resolves when `identify` gives the new ids. */
  reset?(): Promise<void>;
  close(): Promise<void>;
}

export const leaseOf = async (store: HotStore, epoch: string): Promise<Lease> => {
  const serverIds = await store.identify();
  return { serverIds, epochs: serverIds.map(() => epoch) };
};

const HOUR_MS = 60 * 60_000;

/** A session just used, with an hour to live. */
export const liveEntry = (sessionId: string, now: number, patch: Partial<HotEntry>): HotEntry => ({
  sessionId,
  userId: "user-1",
  username: "ada",
  roles: ["admin", "auditor"],
  expiresAt: now + HOUR_MS,
  lastActivityAt: now,
  ...patch,
});

/** A logout, to be remembered for an hour. */
export const endingAt = (
  sessionId: string,
  now: number,
  patch: Partial<PendingInvalidation>,
): PendingInvalidation => ({
  sessionId,
  userId: "user-1",
  end: { reason: "LOGOUT", at: now, by: "user-1", revision: 7n },
  accessExpiresAt: now + HOUR_MS,
  ...patch,
});
