import { isOverloaded, unavailable } from "../errors.js";
import type { HotStore, Lease } from "../ports/hot_store.js";
import type { ReplicaRegistry } from "../ports/replica_registry.js";
import type { PendingInvalidation, SessionStore } from "../ports/session_store.js";
import type { SharedClock } from "../shared_clock.js";
import { createInvalidation } from "./invalidation.js";

/**
 * How long a replica may answer from the hot store after its last renewal. A dead replica delays the completion of
 * others' revocations by at most this time while the hot store is gone, and validation continues for this time without
 * Postgres. Milliseconds.
 */
const LEASE_MS = 15_000;
/** The lease is given up this much early, for clocks that run at different speeds. */
const LEASE_MARGIN_MS = 500;
const RENEW_EVERY_MS = 1000;
/** Renewals further apart than this had an outage, or a stall of this process, between them. */
const MAX_RENEWAL_GAP_MS = 3000;
const RETRY_MS = 20;

/**
 * Decides whether answers of the hot store may be used, and ensures that revocations are invalidated in every cache.
 *
 * A replica answers from the hot store only under a lease in Postgres that names the servers it uses, one for each
 * shard. A revocation is complete when the hot server of its shard was invalidated, or when no lease is left under
 * which an old entry could count. Before a replica uses a server again, it sends the server every invalidation that the
 * server has missed. The loss of one shard's server leaves the leases of the others valid.
 */
export interface CacheLease {
  /** The lease in force, if any: for a session, if one is given, else for any shard. */
  lease(sessionId?: string): Lease | undefined;
  /** Whether an answer about a session got under `lease` still counts. */
  holds(lease: Lease, sessionId: string): boolean;
  /**
   * Suspends the lease after a failure of the hot store for a session (none given: for all): no answer of its shard
   * counts until the store has been checked.
   */
  suspend(sessionId?: string): void;
  /**
   * Checks the servers, renews or gives up the lease, and sends the pending invalidations. Call it every 100 ms or so.
   * Rejects as long as Postgres did not answer the last query.
   */
  heartbeat(): Promise<void>;
  /**
   * Resolves when answers of the primary store count: this replica has proved within the time of a
   * lease, by a commit, that the store still is the primary. Before its first heartbeat they always do.
   *
   * @throws CurfewError DEPENDENCY_UNAVAILABLE: it cannot prove it now
   */
  awaitReadLease(): Promise<void>;
  /** @throws CurfewError DEPENDENCY_UNAVAILABLE: answers of the primary store do not count */
  requireReadLease(): void;
  /** Whether Postgres answered when a heartbeat last asked it. */
  primaryStoreAnswers(): boolean;
  /** For how many milliseconds heartbeats have renewed the lease without a gap; 0 in an outage and after one. */
  steadyForMs(): number;
  /**
   * Resolves when no replica can read any of these sessions as live. Rejects with DEPENDENCY_UNAVAILABLE after
   * `timeoutMs`, and with OVERLOADED where `store` is too busy; then heartbeats continue the work.
   *
   * @param store the primary store in the class of the caller's work; absent: that of the heartbeat
   */
  awaitRevoked(
    changes: readonly PendingInvalidation[],
    timeoutMs: number,
    store?: InvalidationStore,
  ): Promise<void>;
  /** Resolves when the clock is right again after the machine was suspended; rejects with DEPENDENCY_UNAVAILABLE. */
  knowTime(): Promise<void>;
  /** Calls back when revocations have taken effect on every replica, so that watchers can be notified. */
  onRevoked(listener: () => void): void;
  /** Every revocation up to this revision is in force on every replica. */
  revision(): bigint;
  leave(): Promise<void>;
}

/** The methods of the primary store that invalidation uses. */
export type InvalidationStore = Pick<
  SessionStore,
  "pendingInvalidations" | "markInvalidated" | "invalidatedAmong"
>;

export const createCacheLease = (deps: {
  hot: Pick<HotStore, "shards" | "identify" | "invalidate" | "onDisturbance">;
  registry: ReplicaRegistry;
  store: InvalidationStore;
  clock: SharedClock;
}): CacheLease => {
  const { hot, registry, store, clock } = deps;
  const { shards } = hot;
  /**
   * The lease that the registry holds for this replica, as far as the replica knows; given up here before it is
   * released there.
   */
  let granted: Lease | undefined;
  let grantedUntil = 0;
  /** `clock.interruptions` when it was granted: a lease does not outlast a suspended machine. */
  let grantedAfter = 0;
  /** Shards whose servers were last seen to be those of the lease. */
  const validShards = new Set<number>();
  /** Whether the registry may still show a lease of ours, and one of a shard that we have given up. */
  let registered = false;
  let overstated = false;
  let renewAt = 0;
  /** When the last renewal, and the first of those without a gap, were sent. */
  let renewedAt = Number.NEGATIVE_INFINITY;
  let steadySince = 0;
  /** Whether the last renewal succeeded: a former primary answers reads, and hangs at COMMIT. */
  let canRenew = true;
  /** What Postgres failed with when last asked; undefined: it answered. */
  let outage: { readonly failure: unknown } | undefined;
  let revision = 0n;
  let heartbeatUnderWay: Promise<void> | undefined;
  const revokedListeners: (() => void)[] = [];

  const notifyRevoked = (changes: readonly PendingInvalidation[]): void => {
    if (!changes.some(({ end }) => end !== undefined)) return;
    for (const listener of revokedListeners) listener();
  };

  const { invalidate, invalidateWaiting } = createInvalidation({
    hot,
    store,
    asking: (answer) => asking(answer),
    notifyRevoked,
  });

  const isOnTime = (): boolean =>
    clock.monotonic() < grantedUntil && clock.interruptions() === grantedAfter;
  const current = (): Lease | undefined => (isOnTime() ? granted : undefined);
  const requireReadLease = (): void => {
    if (grantedUntil !== 0 && !isOnTime()) throw unavailable("the primary may have been replaced");
  };

  const asking = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      const answered = await answer;
      outage = undefined;
      return answered;
    } catch (failure) {
      // A store that is busy answers others.
      if (!isOverloaded(failure)) outage = { failure };
      throw failure;
    }
  };
  /** Where there is nothing to ask Postgres yet, it has not come back either. */
  const stillOut = (): void => {
    if (outage !== undefined) throw outage.failure;
  };

  const renew = async (serverIds: readonly string[] | undefined): Promise<Lease | undefined> => {
    const sentAt = clock.monotonic();
    const after = clock.interruptions();
    registered ||= serverIds !== undefined;
    renewAt = sentAt + RENEW_EVERY_MS;
    const renewal = await asking(registry.renew(serverIds, LEASE_MS)).catch((failure) => {
      canRenew = false;
      throw failure;
    });
    canRenew = true;
    if (sentAt - renewedAt > MAX_RENEWAL_GAP_MS) steadySince = sentAt;
    renewedAt = sentAt;
    clock.synchronise(renewal.storeNow, sentAt, clock.monotonic(), after);
    registered = renewal.lease !== undefined;
    overstated = false;
    if (renewal.lastRevision > revision) revision = renewal.lastRevision;
    grantedUntil = sentAt + LEASE_MS - LEASE_MARGIN_MS;
    grantedAfter = after;
    return renewal.lease;
  };

  /** Keeps the lease of those shards only for which `isKept` says so. */
  const keep = (lease: Lease, isKept: (shard: number) => boolean): void => {
    const serverIds = lease.serverIds.map((id, shard) => (isKept(shard) ? id : ""));
    granted = serverIds.some((id) => id !== "")
      ? sameEntries(serverIds, lease.serverIds)
        ? lease
        : { ...lease, serverIds }
      : undefined;
    for (const shard of serverIds.keys()) if (serverIds[shard] === "") validShards.delete(shard);
  };

  const dropLease = (): void => {
    validShards.clear();
    granted = undefined;
  };

  /** Renews the lease for servers that were just seen, and marks those valid that have received every invalidation. */
  const acquire = async (serverIds: readonly string[]): Promise<void> => {
    const before = granted;
    // The lease comes first: a revocation that commits from here on sees it and
    // reaches the servers; one that committed before is among those waiting.
    const lease = await renew(serverIds.every((id) => id === "") ? undefined : serverIds);
    if (lease === undefined) return dropLease();
    const isHeld = (shard: number) =>
      before !== undefined && (before.serverIds[shard] ?? "") !== "";
    const isSame = (shard: number) =>
      before?.serverIds[shard] === lease.serverIds[shard] &&
      before?.epochs[shard] === lease.epochs[shard];
    // A held shard continues under the same server or not at all; any other shard gets a lease once it was invalidated.
    const goesOn = (shard: number) => isHeld(shard) && isSame(shard);
    const isUnchanged = before !== undefined && sameEntries(before.serverIds, lease.serverIds);
    keep(isUnchanged ? before : lease, goesOn);
    const failed = await invalidateWaiting(lease);
    const isNew = (shard: number) => !isHeld(shard) && !failed.has(shard);
    if (!isUnchanged) keep(lease, (shard) => goesOn(shard) || isNew(shard));
    for (const [shard, id] of lease.serverIds.entries())
      if (id !== "" && isNew(shard)) validShards.add(shard);
  };

  /** Marks the lease of matching servers valid, and gives up the others. Resolves to whether there were any. */
  const compare = (seen: readonly string[]): boolean => {
    if (granted === undefined) return false;
    const { serverIds } = granted;
    const isSame = (shard: number) => serverIds[shard] !== "" && serverIds[shard] === seen[shard];
    const isLost = serverIds.some((id, shard) => id !== "" && !isSame(shard));
    keep(granted, isSame);
    // The registry has shown our lease all along, so nothing was missed.
    for (const shard of serverIds.keys()) if (isSame(shard)) validShards.add(shard);
    return isLost;
  };

  const look = async (): Promise<void> => {
    const seen = await hot.identify().catch(() => []);
    const due = clock.monotonic() >= renewAt || clock.interruptions() !== grantedAfter;
    if (current() === undefined) dropLease();
    overstated = compare(seen) || overstated;
    if (overstated || due || (registered && granted === undefined && seen.length === 0))
      return acquire(seen);
    if (granted === undefined) stillOut();
    else await invalidateWaiting(granted);
  };

  const heartbeat = (): Promise<void> => {
    heartbeatUnderWay ??= look().finally(() => {
      heartbeatUnderWay = undefined;
    });
    return heartbeatUnderWay;
  };

  /** Checks only the servers: a heartbeat under way may be waiting for Postgres. */
  const lookAgain = async (): Promise<void> => {
    const seen = await hot.identify();
    if (granted !== undefined)
      for (const [shard, id] of granted.serverIds.entries())
        if (id !== "" && id === seen[shard]) validShards.add(shard);
  };

  const suspend = (sessionId?: string): void => {
    if (
      sessionId !== undefined ? !validShards.delete(shards.of(sessionId)) : validShards.size === 0
    )
      return;
    if (sessionId === undefined) validShards.clear();
    // Errors are ignored here: the next heartbeat hits the same error and reports it.
    (heartbeatUnderWay === undefined ? heartbeat() : lookAgain()).catch(() => undefined);
  };
  hot.onDisturbance(() => suspend());

  return {
    lease(sessionId) {
      const lease = current();
      const isTrusted =
        sessionId === undefined ? validShards.size > 0 : validShards.has(shards.of(sessionId));
      return isTrusted ? lease : undefined;
    },
    holds(under, sessionId) {
      const shard = shards.of(sessionId);
      const lease = current();
      return (
        lease !== undefined &&
        validShards.has(shard) &&
        (lease === under ||
          (lease.serverIds[shard] === under.serverIds[shard] &&
            lease.epochs[shard] === under.epochs[shard]))
      );
    },
    suspend,
    heartbeat,
    requireReadLease,

    async awaitReadLease() {
      if (grantedUntil === 0 || isOnTime()) return;
      // A heartbeat under way may have queried too long ago. If renewing fails, heartbeats continue it.
      for (let looks = 0; looks < 2 && canRenew && !isOnTime(); looks++)
        await heartbeat().catch(() => undefined);
      requireReadLease();
    },

    primaryStoreAnswers: () => outage === undefined,
    steadyForMs() {
      const now = clock.monotonic();
      return now - renewedAt > MAX_RENEWAL_GAP_MS ? 0 : now - steadySince;
    },
    revision: () => revision,

    async awaitRevoked(changes, timeoutMs, primary = store) {
      const deadline = clock.monotonic() + timeoutMs;
      let open = changes;
      while (open.length > 0) {
        const { told, invalidated } = await invalidate(open, primary);
        const isTold = new Set(
          told.map(({ pendingInvalidations }) => pendingInvalidations.sessionId),
        );
        for (const { sessionId } of open) if (!isTold.has(sessionId)) suspend(sessionId);
        const done = new Set(invalidated);
        open = open.filter((change) => !done.has(change.sessionId));
        if (open.length > 0) {
          const ids = open.map((change) => change.sessionId);
          const free = new Set(await primary.invalidatedAmong(ids, shards));
          open = open.filter((change) => !free.has(change.sessionId));
        }
        if (open.length === 0) break;
        if (clock.monotonic() >= deadline) throw unavailable("a hot store may still call it live");
        await clock.sleep(RETRY_MS);
      }
      notifyRevoked(changes);
    },

    async knowTime() {
      // One that is under way may have asked before the clock was lost.
      for (let looks = 0; looks < 2 && !clock.isSynchronised(); looks++) {
        await heartbeatUnderWay?.catch(() => undefined);
        if (!clock.isSynchronised()) await heartbeat();
      }
      if (!clock.isSynchronised()) throw unavailable("the time is not known");
    },

    onRevoked(listener) {
      revokedListeners.push(listener);
    },

    async leave() {
      // A look under way would take the lease again.
      await heartbeatUnderWay?.catch(() => undefined);
      dropLease();
      grantedUntil = Math.min(grantedUntil, 1);
      await registry.leave();
    },
  };
};

const sameEntries = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((entry, i) => entry === b[i]);
