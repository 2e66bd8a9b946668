import type { Lease } from "./hot_store.js";

/**
 * Records in the primary store which replicas may answer from which hot servers. A revocation that cannot reach a hot
 * server checks here whether any replica still uses that server.
 */
export interface ReplicaRegistry {
  /**
   * Requests a lease for this replica on `serverIds` for `leaseMs` from now, or (undefined) on none. An empty id
   * requests no lease of that shard. A shard is refused while another replica's lease names another server for it.
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
