import type { Knex } from "knex";

export const name = "0005_unanswered";

export const up = async (knex: Knex): Promise<void> => {
  await knex.raw(`
    ALTER TABLE sessions ADD COLUMN unanswered_generation integer;
    COMMENT ON COLUMN sessions.unanswered_generation IS
      'The refresh generation that no caller is known to have received. It counts only if it is refresh_generation: replicas of the version before leave it as it is.';
  `);
};

export const down = (): Promise<void> =>
  Promise.reject(new Error("migrations only go up: restore a backup instead"));
