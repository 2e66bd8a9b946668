import type { Knex } from "knex";

export const name = "0008_issued_sessions";

export const up = async (knex: Knex): Promise<void> => {
  await knex.raw(`
    -- A user who signs in elsewhere has no password.
    ALTER TABLE users ALTER COLUMN password_hash DROP NOT NULL;

    -- Which user an identity of another issuer is. Both texts compare byte for byte.
    -- The user may be inserted after the identity, in the same transaction.
    CREATE TABLE identities (
      issuer     text COLLATE "C" NOT NULL,
      subject    text COLLATE "C" NOT NULL,
      user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
      created_at timestamptz NOT NULL,
      PRIMARY KEY (issuer, subject)
    );
    CREATE INDEX identities_by_user ON identities (user_id, created_at);

    -- What CreateSession was asked under an idempotency key, and the session it made.
    CREATE TABLE session_requests (
      caller          text NOT NULL,
      idempotency_key text NOT NULL,
      fingerprint     text NOT NULL,
      session_id      uuid,
      user_id         uuid,
      ended_sessions  uuid[] NOT NULL DEFAULT '{}',
      expires_at      timestamptz NOT NULL,
      PRIMARY KEY (caller, idempotency_key)
    );
    CREATE INDEX session_requests_by_expiry ON session_requests (expires_at);

    -- The defaults are what a replica of the version before makes: logins with a password.
    ALTER TABLE sessions
      ADD COLUMN client_id        text NOT NULL DEFAULT 'curfew',
      ADD COLUMN amr              text[] NOT NULL DEFAULT '{pwd}',
      ADD COLUMN auth_time        timestamptz,
      ADD COLUMN acr              text,
      ADD COLUMN acr_expires_at   timestamptz,
      ADD COLUMN elevated_amr     text[],
      ADD COLUMN idle_timeout_ms  bigint,
      ADD COLUMN actor_user_id    uuid,
      ADD COLUMN actor_session_id uuid,
      ADD COLUMN actor_reason     text;
    COMMENT ON COLUMN sessions.auth_time IS
      'When the user last proved who they are. NULL: when the session was made.';
    COMMENT ON COLUMN sessions.acr_expires_at IS
      'When acr and elevated_amr stop to count. NULL: they count as long as the session lives.';
    COMMENT ON COLUMN sessions.idle_timeout_ms IS
      'The inactivity timeout of this session, if it is shorter than that of the service.';
    COMMENT ON COLUMN sessions.actor_user_id IS
      'The user who acts as user_id in this session. NULL: nobody does.';
    CREATE INDEX sessions_by_client ON sessions (client_id, session_id);
    CREATE INDEX sessions_open_by_actor ON sessions (actor_user_id)
      WHERE actor_user_id IS NOT NULL AND revoked_at IS NULL;
    CREATE INDEX sessions_open_by_actor_session ON sessions (actor_session_id)
      WHERE actor_session_id IS NOT NULL AND revoked_at IS NULL;
  `);
};

export const down = (): Promise<void> =>
  Promise.reject(new Error("migrations only go up: restore a backup instead"));
