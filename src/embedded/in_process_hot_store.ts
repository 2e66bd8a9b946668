import { randomUUID } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { HotAnswer, HotEntry, HotStore } from "../core/ports/hot_store.js";
import type { PendingInvalidation } from "../core/ports/session_store.js";
import { type SessionEnd, timedOut } from "../core/session/session.js";

export interface InProcessHotStoreOptions {
  readonly idleTimeoutMs: number;
  /** Most live sessions remembered, and most ended ones; the least recently used are forgotten first. */
  readonly maxSessions: number;
}

/**
 * The hot store of a service that runs as one process: one shard, in memory,
 * a server with a new identity at every construction.
 */
export const inProcessHotStore = (options: InProcessHotStoreOptions): HotStore => {
  const { idleTimeoutMs, maxSessions } = options;
  const serverId = randomUUID();
  const places = new LRUCache<string, Place>({ max: maxSessions });
  const tombstones = new LRUCache<string, Tombstone>({ max: maxSessions });
  let fillTokensGiven = 0;

  /** How the session ended, as long as an access token may ask. */
  const tombstoneOf = (sessionId: string, now: number): Tombstone | undefined => {
    const tombstone = tombstones.get(sessionId);
    if (tombstone === undefined || now < tombstone.accessExpiresAt) return tombstone;
    tombstones.delete(sessionId);
    return undefined;
  };

  const placeOf = (sessionId: string): Place => {
    const known = places.get(sessionId);
    if (known !== undefined) return known;
    const place: Place = { entry: undefined, epoch: undefined, fillToken: undefined };
    places.set(sessionId, place);
    return place;
  };

  const answer: (...question: Parameters<HotStore["check"]>) => HotAnswer = (ask, lease) => {
    if (lease.serverIds[0] !== serverId)
      return { kind: "unknown", fillToken: undefined, lastActivityAt: 0 };
    const tombstone = tombstoneOf(ask.sessionId, ask.now);
    if (tombstone !== undefined)
      return { kind: "ended", userId: tombstone.userId, end: tombstone.end };
    const place = placeOf(ask.sessionId);
    const { entry } = place;
    if (
      entry === undefined ||
      place.epoch !== lease.epochs[0] ||
      timedOut(entry, ask.now, idleTimeoutMs) !== undefined
    ) {
      fillTokensGiven += place.fillToken === undefined ? 1 : 0;
      place.fillToken ??= `${serverId}/${fillTokensGiven}`;
      return {
        kind: "unknown",
        fillToken: place.fillToken,
        lastActivityAt: entry?.lastActivityAt ?? 0,
      };
    }
    if (ask.touchAt <= entry.lastActivityAt) return { kind: "live", entry };
    place.entry = { ...entry, lastActivityAt: ask.touchAt };
    return { kind: "live", entry: place.entry };
  };

  const invalidate = (change: PendingInvalidation): { shard: number; serverId: string } => {
    places.delete(change.sessionId);
    if (change.end !== undefined) tombstones.set(change.sessionId, { ...change, end: change.end });
    return { shard: 0, serverId };
  };

  return {
    shards: { count: 1, of: () => 0 },
    check: async (ask, lease) => answer(ask, lease),
    checkAll: async (asks, lease) => asks.map((ask) => answer(ask, lease)),

    async fill(entry, fillToken, lease) {
      const place = places.get(entry.sessionId);
      if (place?.fillToken !== fillToken || lease.serverIds[0] !== serverId) return;
      place.entry = entry;
      place.epoch = lease.epochs[0];
      place.fillToken = undefined;
    },

    invalidate: async (revocations) => revocations.map(invalidate),
    identify: async () => [serverId],
    // It is lost only together with those who ask it.
    onDisturbance: () => undefined,

    async close() {
      places.clear();
      tombstones.clear();
    },
  };
};

/**
 * The state of an active session, as far as this store knows it. An invalidation removes the fill token together with
 * the entry: a reader that read the primary store before the invalidation can no longer fill, even when the tombstone
 * has been forgotten.
 */
interface Place {
  entry: HotEntry | undefined;
  /** The lease's epoch in which the entry was written. */
  epoch: string | undefined;
  /** Given to every reader since the entry became invalid. */
  fillToken: string | undefined;
}

interface Tombstone {
  readonly userId: string;
  readonly end: SessionEnd;
  /** When the last access token that it could kill expires. */
  readonly accessExpiresAt: number;
}
