import type { Knex } from "knex";

export const name = "0009_used_subject_tokens";

export const up = async (knex: Knex): Promise<void> => {
  await knex.raw(`
    -- ID tokens that were exchanged for a session, by a hash: each is accepted once.
    CREATE TABLE used_subject_tokens (
      fingerprint    text COLLATE "C" PRIMARY KEY,
      session_id     uuid NOT NULL,
      accepted_until timestamptz NOT NULL
    );
    CREATE INDEX used_subject_tokens_by_time ON used_subject_tokens (accepted_until);
  `);
};

export const down = (): Promise<void> =>
  Promise.reject(new Error("migrations only go up: restore a backup instead"));
