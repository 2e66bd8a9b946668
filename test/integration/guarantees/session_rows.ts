/** Inserts live sessions of one user who does not exist; returns no rows. Bindings: the number, and the user. */
export const INSERT_SESSIONS = `
  INSERT INTO sessions (session_id, user_id, created_at, last_activity_at, expires_at,
    access_expires_at, next_check_at, jti, device, ip, user_agent, refresh_generation, rotated_at,
    previous_rotated_at)
  SELECT gen_random_uuid(), $2, now(), now(), now() + interval '1 day',
    now() + interval '15 minutes', now() + interval '1 hour', 'jti', '', '', '', 1, now(), now()
  FROM generate_series(1, $1::int)
  RETURNING session_id::text`;

/** Ends all of a user's sessions in one statement, under the lock of revocations, as the service does. Binding: the user. */
export const END_SESSIONS_OF = `
  WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(7302002) IS NOT NULL AS mine)
  UPDATE sessions SET revoked_at = now(), end_reason = 'ADMIN', ended_by = 'system',
    revision = nextval('session_revision'), relevant_until = access_expires_at
  FROM turn WHERE user_id = $1 AND revoked_at IS NULL AND turn.mine`;
