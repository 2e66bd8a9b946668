import type { Knex } from "knex";
import type { Renewal, ReplicaRegistry } from "../core/ports/replica_registry.js";
import { type Database, databaseFailure, run } from "./database.js";

/** Any number: who holds it changes what replicas agree on. */
const REGISTRY_LOCK = 7_302_003;

/** The replicas' leases, in the tables `replicas` and `hot_epochs`. */
export const postgresReplicaRegistry = (database: Database, replicaId: string): ReplicaRegistry => {
  const query = async <Row>(trx: Knex, sql: string, bindings: readonly Knex.RawBinding[] = []) =>
    (await trx.raw<{ rows: Row[] }>(sql, bindings)).rows;

  const agreed = async (trx: Knex, serverIds: readonly string[]): Promise<string[] | undefined> => {
    await query(trx, "SELECT pg_advisory_xact_lock(?)", [REGISTRY_LOCK]);
    const [other] = await query(
      trx,
      `SELECT 1 FROM replicas r
       WHERE r.trusts_until > clock_timestamp() AND r.replica_id <> ?
         AND r.server_ids <> ?::text[]
       LIMIT 1`,
      [replicaId, [...serverIds]],
    );
    if (other !== undefined) return undefined;
    await query(trx, ADOPT_SERVERS, [[...serverIds]]);
    const epochs = await query<{ epoch: string }>(
      trx,
      "SELECT h.epoch FROM hot_epochs h WHERE h.shard < ? ORDER BY h.shard",
      [serverIds.length],
    );
    return epochs.map((row) => row.epoch);
  };

  return {
    async renew(serverIds, leaseMs) {
      try {
        return await database.transaction(async (trx): Promise<Renewal> => {
          const epochs = serverIds && (await agreed(trx, serverIds));
          const granted = serverIds !== undefined && epochs !== undefined;
          await query(trx, UPSERT_REPLICA, [
            replicaId,
            granted ? [...serverIds] : null,
            granted ? leaseMs : 0,
          ]);
          const [state] = await query<{ now: Date; revision: string }>(trx, STATE);
          return {
            lease: granted ? { serverIds, epochs } : undefined,
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

/** A server that is not the one agreed on starts a new epoch: nothing written before counts. */
const ADOPT_SERVERS = `
  INSERT INTO hot_epochs (shard, server_id, epoch)
  SELECT s.n - 1, s.server_id, 1
  FROM unnest(?::text[]) WITH ORDINALITY AS s (server_id, n)
  ON CONFLICT (shard) DO UPDATE
  SET server_id = excluded.server_id, epoch = hot_epochs.epoch + 1
  WHERE hot_epochs.server_id <> excluded.server_id`;

const UPSERT_REPLICA = `
  INSERT INTO replicas (replica_id, server_ids, trusts_until)
  VALUES (?, ?::text[], clock_timestamp() + ? * interval '1 millisecond')
  ON CONFLICT (replica_id) DO UPDATE
  SET server_ids = excluded.server_ids, trusts_until = excluded.trusts_until`;

/** Takes away those that were killed and cannot leave any more, too; one that lives would come back by itself. */
const LEAVE = `
  DELETE FROM replicas r
  WHERE r.replica_id = ? OR r.trusts_until < clock_timestamp() - interval '1 day'`;

/** Endings up to this revision are committed, and those before the first unburied one are out of reach of every cache. */
const STATE = `
  SELECT clock_timestamp() AS now, coalesce(
    (SELECT min(s.revision) - 1 FROM sessions s WHERE s.hot_pending AND s.revision IS NOT NULL),
    (SELECT max(s.revision) FROM sessions s WHERE s.revision IS NOT NULL),
    0) AS revision`;
