import type { Lease } from "./hot_store.js";

/**
 * Who may be answering from which hot servers, kept in the primary store. An
 * ending that cannot reach a hot server looks here whether that matters.
 */
export interface ReplicaRegistry {
  /**
   * Says that this replica trusts `serverIds` for `leaseMs` from now, or
   * (undefined) none. An empty id asks for no lease of that shard. A shard is
   * refused while another replica's lease names another server for it.
   */
  renew(serverIds: readonly string[] | undefined, leaseMs: number): Promise<Renewal>;
  /** Forgets this replica, at a graceful stop. */
  leave(): Promise<void>;
}

export interface Renewal {
  /** The lease, with empty ids for shards that were refused or not asked for; undefined if that is all of them. */
  readonly lease: Lease | undefined;
  /** The store's clock in milliseconds since the epoch. */
  readonly storeNow: number;
  readonly lastRevision: bigint;
}
