import type { Knex } from "knex";

export const name = "0007_key_token_life";

export const up = async (knex: Knex): Promise<void> => {
  await knex.raw(`
    ALTER TABLE keys ADD COLUMN token_ms bigint NOT NULL DEFAULT 0;
    COMMENT ON COLUMN keys.token_ms IS
      'The longest life of a token that the key has signed, in milliseconds; 0: not known. The key is retired no earlier than that after its last use.';
  `);
};

export const down = (): Promise<void> =>
  Promise.reject(new Error("migrations only go up: restore a backup instead"));
