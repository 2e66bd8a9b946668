import type { Knex } from "knex";

export const name = "0011_read_leases";

export const up = async (knex: Knex): Promise<void> => {
  await knex.raw(`
    ALTER TABLE replicas ADD COLUMN primary_id text, ADD COLUMN reads_until timestamptz;
    COMMENT ON COLUMN replicas.primary_id IS
      'The primary that the replica reads from: its system identifier and timeline. NULL: not known, as behind a pooler.';
    COMMENT ON COLUMN replicas.reads_until IS
      'The replica answers from that primary until then at the latest, without asking again. After a failover, no revocation is confirmed while a replica may still answer from the former primary.';
  `);
};

export const down = (): Promise<void> =>
  Promise.reject(new Error("migrations only go up: restore a backup instead"));
