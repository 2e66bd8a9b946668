import type { Knex } from "knex";
import type { Lease } from "../core/ports/hot_store.js";
import type { Renewal, ReplicaRegistry } from "../core/ports/replica_registry.js";
import { type Database, databaseFailure, primaryIdOf, run } from "./database.js";

/** Any number: who holds it changes what replicas agree on. */
const REGISTRY_LOCK = 7_302_003;

/** A replica that was heard of within this time counts as running, with a lease or without. Milliseconds. */
const LIVES_MS = 5000;

export interface ReplicaRegistryOptions {
  /**
   * Whether the hot store is the memory of this process, which no other replica
   * can tell of a revocation: it gets a lease only while it is alone, or revocations
   * of others would wait for it.
   */
  readonly isPrivate?: boolean;
}

/** The replicas' leases, in the tables `replicas` and `hot_epochs`. */
export const postgresReplicaRegistry = (
  database: Database,
  replicaId: string,
  { isPrivate = false }: ReplicaRegistryOptions = {},
): ReplicaRegistry => {
  const query = async <Row>(trx: Knex, sql: string, bindings: readonly Knex.RawBinding[] = []) =>
    (await trx.raw<{ rows: Row[] }>(sql, bindings)).rows;

  /** The lease that can be granted: for the shards for which no replica uses another server. */
  const agreed = async (trx: Knex, serverIds: readonly string[]): Promise<Lease | undefined> => {
    await query(trx, "SELECT pg_advisory_xact_lock(?)", [REGISTRY_LOCK]);
    const refused = await query<{ shard: number }>(trx, REFUSED, [
      [...serverIds],
      replicaId,
      isPrivate,
      LIVES_MS,
      serverIds.length,
    ]);
    const shards = new Set(refused.map(({ shard }) => shard));
    const granted = serverIds.map((id, shard) => (shards.has(shard) ? "" : id));
    if (granted.every((id) => id === "")) return undefined;
    await query(trx, ADOPT_SERVERS, [granted]);
    const epochs = await query<{ epoch: string | null }>(trx, EPOCHS, [granted]);
    return { serverIds: granted, epochs: epochs.map(({ epoch }) => epoch ?? "") };
  };

  return {
    async renew(serverIds, leaseMs) {
      try {
        return await database.transaction(async (trx): Promise<Renewal> => {
          const lease = serverIds && (await agreed(trx, serverIds));
          await query(trx, UPSERT_REPLICA, [
            replicaId,
            lease ? [...lease.serverIds] : null,
            lease ? leaseMs : 0,
            primaryIdOf(database) ?? null,
            leaseMs,
          ]);
          const [state] = await query<{ now: Date; revision: string }>(trx, STATE);
          return {
            lease,
            storeNow: state?.now.getTime() ?? Number.NaN,
            lastRevision: BigInt(state?.revision ?? 0),
          };
        });
      } catch (error) {
        throw databaseFailure(error);
      }
    },

    async leave() {
      await run(database.raw(LEAVE, [replicaId]));
    },
  };
};

/**
 * Shards for which another replica's lease names another server, and all of them
 * where a lease is about another number of shards: that is another kind of hot
 * store. Private servers are also refused while another replica lives.
 */
const REFUSED = `
  SELECT DISTINCT (wanted.n - 1)::int AS shard
  FROM unnest(?::text[]) WITH ORDINALITY AS wanted (server_id, n)
  CROSS JOIN replicas r
  WHERE wanted.server_id <> '' AND r.replica_id <> ? AND (
    ? AND r.trusts_until > clock_timestamp() - ? * interval '1 millisecond'
    OR r.trusts_until > clock_timestamp() AND (
      cardinality(r.server_ids) <> ?
      OR r.server_ids[wanted.n] <> '' AND r.server_ids[wanted.n] <> wanted.server_id
    )
  )`;

/** A server that is not the one agreed on starts a new epoch: nothing written before counts. */
const ADOPT_SERVERS = `
  INSERT INTO hot_epochs (shard, server_id, epoch)
  SELECT s.n - 1, s.server_id, 1
  FROM unnest(?::text[]) WITH ORDINALITY AS s (server_id, n)
  WHERE s.server_id <> ''
  ON CONFLICT (shard) DO UPDATE
  SET server_id = excluded.server_id, epoch = hot_epochs.epoch + 1
  WHERE hot_epochs.server_id <> excluded.server_id`;

const EPOCHS = `
  SELECT CASE WHEN s.server_id <> '' THEN e.epoch END AS epoch
  FROM unnest(?::text[]) WITH ORDINALITY AS s (server_id, n)
  LEFT JOIN hot_epochs e ON e.shard = s.n - 1
  ORDER BY s.n`;

const UPSERT_REPLICA = `
  INSERT INTO replicas (replica_id, server_ids, trusts_until, primary_id, reads_until)
  VALUES (?, ?::text[], clock_timestamp() + ? * interval '1 millisecond',
    ?, clock_timestamp() + ? * interval '1 millisecond')
  ON CONFLICT (replica_id) DO UPDATE
  SET server_ids = excluded.server_ids, trusts_until = excluded.trusts_until,
    primary_id = excluded.primary_id, reads_until = excluded.reads_until`;

/**
 * Takes all leases away. Only for a database that no other process can use: those
 * who held them are dead.
 */
export const forgetReplicas = async (database: Database): Promise<void> => {
  await run(database.raw("DELETE FROM replicas r"));
};

/** Also removes replicas that were killed and cannot leave; a live one registers again automatically. */
const LEAVE = `
  DELETE FROM replicas r
  WHERE r.replica_id = ? OR r.trusts_until < clock_timestamp() - interval '1 day'`;

/** Revocations up to this revision are committed, and those before the first pending one are invalidated in every cache. */
const STATE = `
  SELECT clock_timestamp() AS now, coalesce(
    (SELECT min(s.revision) - 1 FROM sessions s WHERE s.hot_pending AND s.revision IS NOT NULL),
    (SELECT max(s.revision) FROM sessions s WHERE s.revision IS NOT NULL),
    0) AS revision`;
