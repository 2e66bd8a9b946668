import { unavailable } from "./errors.js";
import type { HotStore, Lease } from "./ports/hot_store.js";
import type { ReplicaRegistry } from "./ports/replica_registry.js";
import type { SessionStore, Unburied } from "./ports/session_store.js";
import type { SharedClock } from "./shared_clock.js";

/**
 * How long a replica may answer from the hot store after it was last heard of.
 * Also how long, at most, a replica that died keeps the others from calling an
 * ending done while the hot store is gone, and how long validation goes on
 * without Postgres. Milliseconds.
 */
const LEASE_MS = 15_000;
/** The lease is given up this much early, for clocks that run at different speeds. */
const LEASE_MARGIN_MS = 500;
const RENEW_EVERY_MS = 1000;
const BURY_BATCH = 1000;
const RETRY_MS = 20;

/**
 * Decides whether the hot store may be believed, and makes sure that what has
 * ended is out of its reach.
 *
 * A replica answers from the hot store only under a lease in Postgres that names
 * the servers it trusts. An ending is done when the hot server was told, or
 * when no lease is left under which an old entry could count. Before a replica
 * trusts again it tells the servers everything they have missed.
 */
export interface HotTrust {
  /** The lease in force, if any. */
  lease(): Lease | undefined;
  /** Whether an answer got under `lease` still counts. */
  holds(lease: Lease): boolean;
  /** The hot store failed: believe nothing until it has been looked at. */
  suspect(): void;
  /**
   * Looks at the servers, renews or gives up the lease, and buries what waits.
   * Call it every 100 ms or so. Rejects as long as Postgres did not answer when last asked.
   */
  pulse(): Promise<void>;
  /** Whether Postgres answered when a pulse last asked it. */
  truthAnswers(): boolean;
  /**
   * Resolves when none of these can be called live by any replica; rejects with
   * DEPENDENCY_UNAVAILABLE after `timeoutMs`. Then pulses go on trying.
   */
  settle(changes: readonly Unburied[], timeoutMs: number): Promise<void>;
  /** Calls back when endings have been settled, so that they can be told to others. */
  onSettled(listener: () => void): void;
  /** Every ending up to this revision is in force on every replica. */
  revision(): bigint;
  leave(): Promise<void>;
}

export const hotTrust = (deps: {
  hot: Pick<HotStore, "identify" | "bury" | "onDisturbance">;
  registry: ReplicaRegistry;
  store: Pick<SessionStore, "unburied" | "markBuried" | "outOfReach">;
  clock: SharedClock;
}): HotTrust => {
  const { hot, registry, store, clock } = deps;
  /** What the registry holds of ours, as far as we know; given up before it is released there. */
  let granted: Lease | undefined;
  let grantedUntil = 0;
  /** Whether the servers were last seen to be those of the lease. */
  let trusted = false;
  /** Whether the registry may still show a lease of ours. */
  let registered = false;
  let renewAt = 0;
  /** What Postgres failed with when last asked; undefined: it answered. */
  let outage: { readonly failure: unknown } | undefined;
  let revision = 0n;
  let pulsing: Promise<void> | undefined;
  const settledListeners: (() => void)[] = [];

  const tellSettled = (changes: readonly Unburied[]): void => {
    if (!changes.some(({ end }) => end !== undefined)) return;
    for (const listener of settledListeners) listener();
  };

  const current = (): Lease | undefined =>
    trusted && clock.monotonic() < grantedUntil ? granted : undefined;

  const asking = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      const answered = await answer;
      outage = undefined;
      return answered;
    } catch (failure) {
      outage = { failure };
      throw failure;
    }
  };
  /** Where there is nothing to ask Postgres yet, it has not come back either. */
  const stillOut = (): void => {
    if (outage !== undefined) throw outage.failure;
  };

  const renew = async (serverIds: readonly string[] | undefined): Promise<Lease | undefined> => {
    const sentAt = clock.monotonic();
    registered ||= serverIds !== undefined;
    renewAt = sentAt + RENEW_EVERY_MS;
    const renewal = await asking(registry.renew(serverIds, LEASE_MS));
    clock.synchronise(renewal.storeNow, sentAt, clock.monotonic());
    registered = renewal.lease !== undefined;
    if (renewal.lastRevision > revision) revision = renewal.lastRevision;
    grantedUntil = sentAt + LEASE_MS - LEASE_MARGIN_MS;
    return renewal.lease;
  };

  const bury = async (changes: readonly Unburied[]) => {
    const servers = await hot.bury(changes);
    const told = changes.flatMap((unburied, i) => {
      const server = servers[i];
      return server ? [{ ...server, unburied }] : [];
    });
    return { told, buried: await store.markBuried(told) };
  };

  /** Tells the hot servers what they have missed. Resolves to whether all those told were `serverIds`. */
  const buryWaiting = async (serverIds: readonly string[]): Promise<boolean> => {
    for (let after: string | undefined; ; ) {
      const waiting = await asking(
        store.unburied({ limit: BURY_BATCH, ...(after !== undefined && { after }) }),
      );
      if (waiting.length === 0) return true;
      const { told, buried } = await bury(waiting);
      if (buried.length > 0) tellSettled(waiting);
      if (!told.every(({ shard, serverId }) => serverIds[shard] === serverId)) return false;
      if (waiting.length < BURY_BATCH) return true;
      after = waiting.at(-1)?.sessionId;
    }
  };

  const distrust = (): void => {
    trusted = false;
    granted = undefined;
  };

  const acquire = async (serverIds: readonly string[]): Promise<void> => {
    // The lease comes first: an ending that commits from here on sees it and
    // reaches the servers; one that committed before is among those waiting.
    const lease = await renew(serverIds);
    if (lease === undefined) return;
    if (!(await buryWaiting(serverIds))) return;
    granted = lease;
    trusted = true;
  };

  const look = async (): Promise<void> => {
    const serverIds = await hot.identify().catch(() => undefined);
    const due = clock.monotonic() >= renewAt;
    if (serverIds === undefined) {
      distrust();
      if (registered || due) await renew(undefined);
      else stillOut();
      return;
    }
    if (granted === undefined || clock.monotonic() >= grantedUntil) {
      distrust();
      if (due) await acquire(serverIds);
      else stillOut();
      return;
    }
    if (!sameEntries(granted.serverIds, serverIds)) {
      distrust();
      await acquire(serverIds);
      return;
    }
    // The registry has shown our lease all along, so nothing was missed.
    trusted = true;
    if (due) {
      const renewed = await renew(serverIds);
      if (renewed === undefined || !sameEntries(renewed.epochs, granted.epochs)) distrust();
    }
    await buryWaiting(serverIds);
  };

  const pulse = (): Promise<void> => {
    pulsing ??= look().finally(() => {
      pulsing = undefined;
    });
    return pulsing;
  };

  /** Looks at the servers alone: a pulse under way may be waiting for Postgres. */
  const lookAgain = async (): Promise<void> => {
    const serverIds = await hot.identify();
    if (granted !== undefined && sameEntries(granted.serverIds, serverIds)) trusted = true;
  };

  const suspect = (): void => {
    if (!trusted) return;
    trusted = false;
    // What goes wrong in it goes wrong again in the next regular pulse, where it is reported.
    (pulsing === undefined ? pulse() : lookAgain()).catch(() => undefined);
  };
  hot.onDisturbance(suspect);

  return {
    lease: current,
    holds: (under) => current() === under,
    suspect,
    pulse,
    truthAnswers: () => outage === undefined,
    revision: () => revision,

    async settle(changes, timeoutMs) {
      const deadline = clock.monotonic() + timeoutMs;
      let open = changes;
      while (open.length > 0) {
        const done = new Set(
          await bury(open).then(
            ({ buried }) => buried,
            (failure) => {
              suspect();
              return store.outOfReach(open.map((change) => change.sessionId)).catch(() => {
                throw failure;
              });
            },
          ),
        );
        open = open.filter((change) => !done.has(change.sessionId));
        if (open.length > 0) {
          const free = new Set(await store.outOfReach(open.map((change) => change.sessionId)));
          open = open.filter((change) => !free.has(change.sessionId));
        }
        if (open.length === 0) break;
        if (clock.monotonic() >= deadline) throw unavailable("a hot store may still call it live");
        await clock.sleep(RETRY_MS);
      }
      tellSettled(changes);
    },

    onSettled(listener) {
      settledListeners.push(listener);
    },

    async leave() {
      // A look under way would take the lease again.
      await pulsing?.catch(() => undefined);
      distrust();
      await registry.leave();
    },
  };
};

const sameEntries = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((entry, i) => entry === b[i]);
