-- The schema that the migrations make, for reading and for review: they are what counts.
-- Written anew by scripts/schema.sh.

CREATE TABLE audit_events (
    event_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    type text NOT NULL,
    user_id text,
    session_id text,
    actor text,
    ip text,
    reason text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    transaction_id xid8 DEFAULT pg_current_xact_id() NOT NULL
);

ALTER TABLE audit_events ALTER COLUMN event_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME audit_events_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE event_followers (
    name text NOT NULL,
    transaction_id xid8 NOT NULL,
    event_id bigint NOT NULL,
    after_event_id bigint DEFAULT 0 NOT NULL
);

CREATE TABLE hot_epochs (
    shard integer NOT NULL,
    server_id text NOT NULL,
    epoch bigint NOT NULL
);

CREATE TABLE identities (
    issuer text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    user_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE job_leases (
    job text NOT NULL,
    holder uuid NOT NULL,
    until timestamp with time zone NOT NULL
);

CREATE TABLE keys (
    kid text NOT NULL,
    use text NOT NULL,
    algorithm text NOT NULL,
    state text NOT NULL,
    public_jwk jsonb,
    secret bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    activated_at timestamp with time zone,
    retiring_at timestamp with time zone,
    retired_at timestamp with time zone,
    token_ms bigint DEFAULT 0 NOT NULL
);

COMMENT ON COLUMN keys.token_ms IS 'The longest life of a token that the key has signed, in milliseconds; 0: not known. The key is retired no earlier than that after its last use.';

CREATE TABLE known_devices (
    user_id text NOT NULL,
    device text NOT NULL,
    last_seen_at timestamp with time zone NOT NULL
);

CREATE TABLE login_throttle (
    key text NOT NULL,
    attempts integer NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    reservations jsonb DEFAULT '{}'::jsonb NOT NULL
);

CREATE TABLE replicas (
    replica_id uuid NOT NULL,
    server_ids text[],
    trusts_until timestamp with time zone NOT NULL,
    primary_id text,
    reads_until timestamp with time zone
);

COMMENT ON COLUMN replicas.primary_id IS 'The primary that the replica reads from: its system identifier and timeline. NULL: not known, as behind a pooler.';

COMMENT ON COLUMN replicas.reads_until IS 'The replica answers from that primary until then at the latest, without asking again. After a failover, no revocation is confirmed while a replica may still answer from the former primary.';

CREATE TABLE service_keys (
    key_id text NOT NULL,
    name text NOT NULL,
    hash text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone
);

CREATE TABLE session_census (
    one_row boolean DEFAULT true NOT NULL,
    live bigint NOT NULL,
    idle bigint NOT NULL,
    ended bigint NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    CONSTRAINT session_census_one_row_check CHECK (one_row)
);

CREATE TABLE session_requests (
    caller text NOT NULL,
    idempotency_key text NOT NULL,
    fingerprint text NOT NULL,
    session_id uuid,
    user_id uuid,
    ended_sessions uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE SEQUENCE session_revision
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE sessions (
    session_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_activity_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    access_expires_at timestamp with time zone NOT NULL,
    next_check_at timestamp with time zone NOT NULL,
    jti text NOT NULL,
    device text NOT NULL,
    ip text NOT NULL,
    user_agent text NOT NULL,
    refresh_generation integer NOT NULL,
    rotated_at timestamp with time zone NOT NULL,
    previous_rotated_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    end_reason text,
    ended_by text,
    revision bigint,
    relevant_until timestamp with time zone,
    hot_pending boolean DEFAULT false NOT NULL,
    hot_changes integer DEFAULT 0 NOT NULL,
    unanswered_generation integer,
    client_id text DEFAULT 'curfew'::text NOT NULL,
    amr text[] DEFAULT '{pwd}'::text[] NOT NULL,
    auth_time timestamp with time zone,
    acr text,
    acr_expires_at timestamp with time zone,
    elevated_amr text[],
    idle_timeout_ms bigint,
    actor_user_id uuid,
    actor_session_id uuid,
    actor_reason text,
    CONSTRAINT sessions_end_is_whole CHECK ((((revoked_at IS NULL) = (end_reason IS NULL)) AND ((revoked_at IS NULL) = (ended_by IS NULL)) AND ((revoked_at IS NULL) = (revision IS NULL)) AND ((revoked_at IS NULL) = (relevant_until IS NULL))))
)
WITH (fillfactor='85');

COMMENT ON COLUMN sessions.next_check_at IS 'When the sweeper looks whether it timed out. Moved by the sweeper alone, so that activity stays out of every index.';

COMMENT ON COLUMN sessions.revoked_at IS 'When the session ended, for whatever reason. NULL: it has not.';

COMMENT ON COLUMN sessions.relevant_until IS 'When the last access token that the end could kill expires. Written once, so that refreshes stay out of every index.';

COMMENT ON COLUMN sessions.hot_pending IS 'The hot store may still remember what is no longer so.';

COMMENT ON COLUMN sessions.hot_changes IS 'How often what the hot store remembers has changed while the session was live; tells one pending change from the next.';

COMMENT ON COLUMN sessions.unanswered_generation IS 'The refresh generation that no caller is known to have received. It counts only if it is refresh_generation: replicas of the version before leave it as it is.';

COMMENT ON COLUMN sessions.auth_time IS 'When the user last proved who they are. NULL: when the session was made.';

COMMENT ON COLUMN sessions.acr_expires_at IS 'When acr and elevated_amr stop to count. NULL: they count as long as the session lives.';

COMMENT ON COLUMN sessions.idle_timeout_ms IS 'The inactivity timeout of this session, if it is shorter than that of the service.';

COMMENT ON COLUMN sessions.actor_user_id IS 'The user who acts as user_id in this session. NULL: nobody does.';

CREATE TABLE used_subject_tokens (
    fingerprint text NOT NULL COLLATE pg_catalog."C",
    session_id uuid NOT NULL,
    accepted_until timestamp with time zone NOT NULL
);

CREATE TABLE users (
    user_id uuid NOT NULL,
    username text NOT NULL,
    username_folded text NOT NULL,
    display_name text NOT NULL,
    roles text[] NOT NULL,
    is_active boolean NOT NULL,
    password_hash text,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY event_followers
    ADD CONSTRAINT event_followers_pkey PRIMARY KEY (name);

ALTER TABLE ONLY hot_epochs
    ADD CONSTRAINT hot_epochs_pkey PRIMARY KEY (shard);

ALTER TABLE ONLY identities
    ADD CONSTRAINT identities_pkey PRIMARY KEY (issuer, subject);

ALTER TABLE ONLY job_leases
    ADD CONSTRAINT job_leases_pkey PRIMARY KEY (job);

ALTER TABLE ONLY keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (kid);

ALTER TABLE ONLY known_devices
    ADD CONSTRAINT known_devices_pkey PRIMARY KEY (user_id, device);

ALTER TABLE ONLY login_throttle
    ADD CONSTRAINT login_throttle_pkey PRIMARY KEY (key);

ALTER TABLE ONLY replicas
    ADD CONSTRAINT replicas_pkey PRIMARY KEY (replica_id);

ALTER TABLE ONLY service_keys
    ADD CONSTRAINT service_keys_hash_key UNIQUE (hash);

ALTER TABLE ONLY service_keys
    ADD CONSTRAINT service_keys_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY session_census
    ADD CONSTRAINT session_census_pkey PRIMARY KEY (one_row);

ALTER TABLE ONLY session_requests
    ADD CONSTRAINT session_requests_pkey PRIMARY KEY (caller, idempotency_key);

ALTER TABLE ONLY sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (session_id);

ALTER TABLE ONLY used_subject_tokens
    ADD CONSTRAINT used_subject_tokens_pkey PRIMARY KEY (fingerprint);

ALTER TABLE ONLY users
    ADD CONSTRAINT users_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY users
    ADD CONSTRAINT users_username_folded_key UNIQUE (username_folded);

CREATE INDEX audit_events_by_session ON audit_events USING btree (session_id, event_id);

CREATE INDEX audit_events_by_time ON audit_events USING btree (at);

CREATE INDEX audit_events_by_user ON audit_events USING btree (user_id, event_id);

CREATE INDEX audit_events_failed_by_ip ON audit_events USING btree (ip, at) WHERE (type = 'LOGIN_FAILED'::text);

CREATE INDEX audit_events_in_order ON audit_events USING btree (transaction_id, event_id);

CREATE INDEX audit_events_unusual ON audit_events USING btree (at) WHERE (type = 'UNUSUAL_ACTIVITY'::text);

CREATE INDEX identities_by_user ON identities USING btree (user_id, created_at);

CREATE INDEX known_devices_by_time ON known_devices USING btree (last_seen_at);

CREATE INDEX login_throttle_by_expiry ON login_throttle USING btree (expires_at);

CREATE INDEX session_requests_by_expiry ON session_requests USING btree (expires_at);

CREATE INDEX sessions_by_client ON sessions USING btree (client_id, session_id);

CREATE INDEX sessions_by_end ON sessions USING btree (revoked_at) WHERE (revoked_at IS NOT NULL);

CREATE INDEX sessions_by_ip ON sessions USING btree (ip, session_id);

CREATE UNIQUE INDEX sessions_by_revision ON sessions USING btree (revision) WHERE (revision IS NOT NULL);

CREATE INDEX sessions_by_user ON sessions USING btree (user_id, session_id);

CREATE INDEX sessions_hot_pending ON sessions USING btree (session_id) WHERE hot_pending;

CREATE INDEX sessions_open ON sessions USING btree (session_id) WHERE (revoked_at IS NULL);

CREATE INDEX sessions_open_by_actor ON sessions USING btree (actor_user_id) WHERE ((actor_user_id IS NOT NULL) AND (revoked_at IS NULL));

CREATE INDEX sessions_open_by_actor_session ON sessions USING btree (actor_session_id) WHERE ((actor_session_id IS NOT NULL) AND (revoked_at IS NULL));

CREATE INDEX sessions_open_by_user ON sessions USING btree (user_id, session_id) WHERE (revoked_at IS NULL);

CREATE INDEX sessions_relevant ON sessions USING btree (relevant_until) WHERE (revision IS NOT NULL);

CREATE INDEX sessions_revoked ON sessions USING btree (session_id) WHERE (end_reason <> ALL (ARRAY['EXPIRED'::text, 'IDLE_TIMEOUT'::text]));

CREATE INDEX sessions_timed_out ON sessions USING btree (end_reason, session_id) WHERE (end_reason = ANY (ARRAY['EXPIRED'::text, 'IDLE_TIMEOUT'::text]));

CREATE INDEX sessions_to_check ON sessions USING btree (next_check_at) WHERE (revoked_at IS NULL);

CREATE INDEX used_subject_tokens_by_time ON used_subject_tokens USING btree (accepted_until);

ALTER TABLE ONLY identities
    ADD CONSTRAINT identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
