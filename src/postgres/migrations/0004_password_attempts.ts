import type { Knex } from "knex";

export const name = "0004_password_attempts";

export const up = async (knex: Knex): Promise<void> => {
  await knex.raw(`
    -- Attempts that are being checked, by id: until when each holds its place, in seconds
    -- since the epoch. Negative: a failure was counted, and can be taken back until then.
    ALTER TABLE login_throttle ADD COLUMN reservations jsonb NOT NULL DEFAULT '{}';
  `);
};

export const down = (): Promise<void> =>
  Promise.reject(new Error("migrations only go up: restore a backup instead"));
