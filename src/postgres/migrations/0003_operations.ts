import type { Knex } from "knex";

export const name = "0003_operations";

export const up = async (knex: Knex): Promise<void> => {
  await knex.raw(`
    -- Which transaction wrote an event: what the order of events is told by, since
    -- transactions do not commit in the order in which event_id was given out.
    ALTER TABLE audit_events
      ADD COLUMN transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id();
    CREATE INDEX audit_events_in_order ON audit_events (transaction_id, event_id);
    CREATE INDEX audit_events_failed_by_ip ON audit_events (ip, at) WHERE type = 'LOGIN_FAILED';
    CREATE INDEX audit_events_unusual ON audit_events (at) WHERE type = 'UNUSUAL_ACTIVITY';

    -- How far each follower of the events has come; locked while it goes on.
    CREATE TABLE event_followers (
      name           text PRIMARY KEY,
      transaction_id xid8 NOT NULL,
      event_id       bigint NOT NULL
    );
    -- What happened before this migration is history: nobody looks for patterns in it.
    INSERT INTO event_followers
      VALUES ('unusual_patterns', pg_current_xact_id(), 9223372036854775807);

    -- The software each user has signed in from, without its version.
    CREATE TABLE known_devices (
      user_id      text NOT NULL,
      device       text NOT NULL,
      last_seen_at timestamptz NOT NULL,
      PRIMARY KEY (user_id, device)
    );
    CREATE INDEX known_devices_by_time ON known_devices (last_seen_at);

    -- Who does a job that one replica does for all, and until when it is theirs.
    CREATE TABLE job_leases (
      job    text PRIMARY KEY,
      holder uuid NOT NULL,
      until  timestamptz NOT NULL
    );

    -- The last count of all sessions, one row.
    CREATE TABLE session_census (
      one_row    boolean PRIMARY KEY DEFAULT true CHECK (one_row),
      live       bigint NOT NULL,
      idle       bigint NOT NULL,
      ended      bigint NOT NULL,
      counted_at timestamptz NOT NULL
    );
  `);
};

export const down = (): Promise<void> =>
  Promise.reject(new Error("migrations only go up: restore a backup instead"));
