import type { Lease } from "./hot_store.js";

/**
 * Who may be answering from which hot servers, kept in the truth store. An
 * ending that cannot reach a hot server looks here whether that matters.
 */
export interface ReplicaRegistry {
  /**
   * Says that this replica trusts `serverIds` for `leaseMs` from now, or
   * (undefined) none. Refused when another replica's lease names other servers.
   */
  renew(serverIds: readonly string[] | undefined, leaseMs: number): Promise<Renewal>;
  /** Forgets this replica, at a graceful stop. */
  leave(): Promise<void>;
}

export interface Renewal {
  /** The lease, unless refused or none was asked for. */
  readonly lease: Lease | undefined;
  /** The store's clock in milliseconds since the epoch. */
  readonly storeNow: number;
  readonly lastRevision: bigint;
}
