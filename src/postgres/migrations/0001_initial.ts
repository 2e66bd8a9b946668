import type { Knex } from "knex";

export const name = "0001_initial";

export const up = async (knex: Knex): Promise<void> => {
  await knex.raw(`
    CREATE TABLE users (
      user_id         uuid PRIMARY KEY,
      username        text NOT NULL,
      username_folded text NOT NULL UNIQUE,
      display_name    text NOT NULL,
      roles           text[] NOT NULL,
      is_active       boolean NOT NULL,
      password_hash   text NOT NULL,
      created_at      timestamptz NOT NULL
    );

    -- Gives out the order of endings. Taken only under the advisory lock of
    -- endings, so that commits appear in the order of their revisions.
    CREATE SEQUENCE session_revision;

    -- No foreign key to users: a deleted user's sessions must still say how they ended.
    CREATE TABLE sessions (
      session_id          uuid PRIMARY KEY,
      user_id             uuid NOT NULL,
      created_at          timestamptz NOT NULL,
      last_activity_at    timestamptz NOT NULL,
      expires_at          timestamptz NOT NULL,
      access_expires_at   timestamptz NOT NULL,
      next_check_at       timestamptz NOT NULL,
      jti                 text NOT NULL,
      device              text NOT NULL,
      ip                  text NOT NULL,
      user_agent          text NOT NULL,
      refresh_generation  integer NOT NULL,
      rotated_at          timestamptz NOT NULL,
      previous_rotated_at timestamptz NOT NULL,
      revoked_at          timestamptz,
      end_reason          text,
      ended_by            text,
      revision            bigint,
      relevant_until      timestamptz,
      hot_pending         boolean NOT NULL DEFAULT false,
      hot_changes         integer NOT NULL DEFAULT 0,
      CONSTRAINT sessions_end_is_whole CHECK (
        (revoked_at IS NULL) = (end_reason IS NULL)
        AND (revoked_at IS NULL) = (ended_by IS NULL)
        AND (revoked_at IS NULL) = (revision IS NULL)
        AND (revoked_at IS NULL) = (relevant_until IS NULL)
      )
    ) WITH (fillfactor = 85);

    COMMENT ON COLUMN sessions.revoked_at IS 'When the session ended, for whatever reason. NULL: it has not.';
    COMMENT ON COLUMN sessions.next_check_at IS
      'When the sweeper looks whether it timed out. Moved by the sweeper alone, so that activity stays out of every index.';
    COMMENT ON COLUMN sessions.relevant_until IS
      'When the last access token that the end could kill expires. Written once, so that refreshes stay out of every index.';
    COMMENT ON COLUMN sessions.hot_pending IS 'The hot store may still remember what is no longer so.';
    COMMENT ON COLUMN sessions.hot_changes IS
      'How often what the hot store remembers has changed while the session was live; tells one pending change from the next.';

    -- The first three serve listings by state: every session is in exactly one.
    CREATE INDEX sessions_open ON sessions (session_id) WHERE revoked_at IS NULL;
    CREATE INDEX sessions_revoked ON sessions (session_id)
      WHERE end_reason NOT IN ('EXPIRED', 'IDLE_TIMEOUT');
    CREATE INDEX sessions_timed_out ON sessions (end_reason, session_id)
      WHERE end_reason IN ('EXPIRED', 'IDLE_TIMEOUT');
    CREATE INDEX sessions_by_user ON sessions (user_id, session_id);
    CREATE INDEX sessions_open_by_user ON sessions (user_id, session_id) WHERE revoked_at IS NULL;
    CREATE INDEX sessions_by_ip ON sessions (ip, session_id);
    CREATE INDEX sessions_to_check ON sessions (next_check_at) WHERE revoked_at IS NULL;
    CREATE INDEX sessions_by_end ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
    CREATE UNIQUE INDEX sessions_by_revision ON sessions (revision) WHERE revision IS NOT NULL;
    CREATE INDEX sessions_relevant ON sessions (relevant_until) WHERE revision IS NOT NULL;
    CREATE INDEX sessions_hot_pending ON sessions (session_id) WHERE hot_pending;

    -- Which hot servers each replica may be answering from, and until when.
    CREATE TABLE replicas (
      replica_id   uuid PRIMARY KEY,
      server_ids   text[],
      trusts_until timestamptz NOT NULL
    );

    -- Which server each shard of the hot store is; entries count only in the epoch they were written in.
    CREATE TABLE hot_epochs (
      shard     integer PRIMARY KEY,
      server_id text NOT NULL,
      epoch     bigint NOT NULL
    );

    CREATE TABLE keys (
      kid          text PRIMARY KEY,
      use          text NOT NULL,
      algorithm    text NOT NULL,
      state        text NOT NULL,
      public_jwk   jsonb,
      secret       bytea NOT NULL,
      created_at   timestamptz NOT NULL,
      activated_at timestamptz,
      retiring_at  timestamptz,
      retired_at   timestamptz
    );

    CREATE TABLE service_keys (
      key_id     text PRIMARY KEY,
      name       text NOT NULL,
      hash       text NOT NULL UNIQUE,
      scopes     text[] NOT NULL,
      created_at timestamptz NOT NULL,
      revoked_at timestamptz
    );

    CREATE TABLE audit_events (
      event_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      at         timestamptz NOT NULL,
      type       text NOT NULL,
      user_id    text,
      session_id text,
      actor      text,
      ip         text,
      reason     text,
      metadata   jsonb NOT NULL DEFAULT '{}'
    );
    CREATE INDEX audit_events_by_time ON audit_events (at);
    CREATE INDEX audit_events_by_user ON audit_events (user_id, event_id);
    CREATE INDEX audit_events_by_session ON audit_events (session_id, event_id);

    -- Failed logins of one account or one source; until when they count.
    CREATE TABLE login_throttle (
      key        text PRIMARY KEY,
      attempts   integer NOT NULL,
      expires_at timestamptz NOT NULL
    );
    CREATE INDEX login_throttle_by_expiry ON login_throttle (expires_at);
  `);
};

export const down = (): Promise<void> =>
  Promise.reject(new Error("migrations only go up: restore a backup instead"));
