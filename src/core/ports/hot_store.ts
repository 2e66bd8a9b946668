import type { SessionEnd } from "../session/session.js";
import type { PendingInvalidation } from "./session_store.js";
import type { Shards } from "./shards.js";

/**
 * Fast memory of sessions that may lose entries, lag or return wrong data at any moment. Its answer about a session,
 * live or ended, counts only under a lease that is valid when the answer arrives (see `replica_registry.ts`): from the
 * servers that the lease names, for entries written in the lease's epochs. A revocation is final, but without the lease
 * another replica may still read the session as live from another server (L2). Every method rejects with
 * DEPENDENCY_UNAVAILABLE when no server that it needs answers in time.
 */
export interface HotStore {
  readonly shards: Shards;
  /**
   * Checks one session. All questions of one event-loop turn travel together.
   */
  check(ask: HotAsk, lease: Lease): Promise<HotAnswer>;
  /** The same for many, for one promise. Undefined for those whose server does not answer. */
  checkAll(asks: readonly HotAsk[], lease: Lease): Promise<readonly (HotAnswer | undefined)[]>;
  /** Stores a live session, if its fill token is still valid: the session has not been revoked since. */
  fill(entry: HotEntry, fillToken: string, lease: Lease): Promise<void>;
  /**
   * Stores revocations and removes entries; afterwards no earlier fill token fills. Resolves to the id of the
   * invalidated server for each; the id is empty where no server was reached.
   */
  invalidate(
    revocations: readonly PendingInvalidation[],
  ): Promise<{ shard: number; serverId: string }[]>;
  /**
   * The servers reached now, one id a shard; empty where none is. An id changes
   * when a server restarts or fails over, or its memory becomes an older state of itself.
   */
  identify(): Promise<string[]>;
  /** Calls back when a server may have been lost, to identify again at once. */
  onDisturbance(listener: () => void): void;
  close(): Promise<void>;
}

export interface HotAsk {
  readonly sessionId: string;
  readonly now: number;
  /**
   * Move the last activity up to this time; 0: leave it. The answer shows the new time at once; other readers may see a
   * time that is up to `activityStepMs` older.
   */
  readonly touchAt: number;
}

/** The stored data of a live session. */
export interface HotEntry {
  readonly sessionId: string;
  readonly userId: string;
  readonly username: string;
  readonly roles: readonly string[];
  readonly expiresAt: number;
  readonly lastActivityAt: number;
  /**
   * The inactivity timeout of the session, if it has one of its own. Such a
   * session is not remembered: the hot store knows the configured one alone.
   */
  readonly idleTimeoutMs?: number | undefined;
}

export type HotAnswer =
  | { readonly kind: "live"; readonly entry: HotEntry }
  | { readonly kind: "ended"; readonly userId: string; readonly end: SessionEnd }
  /** Nothing that counts is known. With a fill token, the answer of the primary store may be filled in. */
  | {
      readonly kind: "unknown";
      readonly fillToken: string | undefined;
      /** The last activity seen, when that is all that is known. */
      readonly lastActivityAt: number;
    };

/** The right to answer from the hot store, held for a time. */
export interface Lease {
  /** One id a shard; empty where the right is not held. */
  readonly serverIds: readonly string[];
  /** One epoch a shard: which entries count. */
  readonly epochs: readonly string[];
}
