import type { Knex } from "knex";

export const name = "0006_event_ids";

export const up = async (knex: Knex): Promise<void> => {
  await knex.raw(`
    -- Events are followed in the order of their ids. The order of transactions,
    -- which replicas of the version before follow, could be final only once every
    -- older transaction of the whole server was over.
    ALTER TABLE event_followers ADD COLUMN after_event_id bigint NOT NULL DEFAULT 0;
    UPDATE event_followers f SET after_event_id = coalesce((
      SELECT e.event_id FROM audit_events e
      WHERE (e.transaction_id, e.event_id) <= (f.transaction_id, f.event_id)
      ORDER BY e.event_id DESC LIMIT 1), 0);
  `);
};

export const down = (): Promise<void> =>
  Promise.reject(new Error("migrations only go up: restore a backup instead"));
