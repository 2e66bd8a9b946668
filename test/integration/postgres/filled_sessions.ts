import type { Knex } from "knex";

/** How many sessions there are, of how many users, over how many days. */
export const SESSIONS = 200_000;
export const USERS = 20_000;
export const DAYS = 14;
/** How many of them are open, about. */
export const OPEN = (SESSIONS / 10) * (6 / DAYS);

/**
 * Fills the tables as a service has them that has run for a while: of the last
 * days one session in ten is open, a few of them timed out unnoticed; the others
 * have ended, a few of the oldest by expiry. Ids are UUIDv7 of their creation.
 */
export const fillSessions = async (database: Knex): Promise<void> => {
  await database.raw(`
    INSERT INTO users
    SELECT md5('user' || n)::uuid, 'user' || n, 'user' || n, 'User', '{}', true, 'x', now()
    FROM generate_series(1, ${USERS}) n`);
  await database.raw(`
    INSERT INTO sessions (session_id, user_id, created_at, last_activity_at, expires_at,
      access_expires_at, next_check_at, jti, device, ip, user_agent, refresh_generation, rotated_at,
      previous_rotated_at, revoked_at, end_reason, ended_by, revision, relevant_until)
    SELECT (lpad(to_hex((extract(epoch FROM created_at) * 1000)::bigint), 12, '0') || '7'
        || substr(hash, 1, 3) || '8' || substr(hash, 4, 15))::uuid,
      md5('user' || (1 + (n * 7919) % ${USERS}))::uuid, created_at, used_at,
      created_at + interval '7 days', used_at + interval '15 minutes',
      used_at + interval '30 minutes', hash, 'Firefox on Linux', '10.' || n % 200 || '.0.1',
      'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0', 3,
      used_at, used_at, ended_at, reason, CASE WHEN reason IS NOT NULL THEN 'system' END,
      CASE WHEN reason IS NOT NULL THEN nextval('session_revision') END,
      CASE WHEN reason IS NOT NULL THEN used_at + interval '15 minutes' END
    FROM (
      SELECT *,
        CASE reason WHEN 'EXPIRED' THEN created_at + interval '7 days'
          WHEN 'IDLE_TIMEOUT' THEN created_at + interval '35 minutes'
          WHEN 'LOGOUT' THEN created_at + interval '6 minutes' END AS ended_at,
        CASE WHEN reason = 'EXPIRED' THEN created_at + interval '167 hours'
          WHEN reason IS NOT NULL THEN created_at + interval '5 minutes'
          WHEN n % 1000 = 0 THEN now() - interval '31 minutes'
          ELSE now() - (n % 1700) * interval '1 second' END AS used_at
      FROM (
        SELECT n, md5(n::text) AS hash, created_at,
          CASE WHEN n % 1000 = 1 AND created_at < now() - interval '7 days' THEN 'EXPIRED'
            WHEN n % 10 = 0 AND created_at > now() - interval '6 days' THEN NULL
            WHEN n % 3 = 0 AND created_at < now() - interval '40 minutes' THEN 'IDLE_TIMEOUT'
            ELSE 'LOGOUT' END AS reason
        FROM (
          SELECT n, now() - interval '7 minutes'
            - (${SESSIONS} - n) * interval '${(DAYS * 86_400) / SESSIONS} seconds' AS created_at
          FROM generate_series(1, ${SESSIONS}) n
        ) AS made
      ) AS fated
    ) AS used
    ORDER BY n`);
  // A few that the hot store may not know of, one in its lease, and events.
  await database.raw(
    "UPDATE sessions SET hot_pending = true WHERE revision > (SELECT max(revision) - 20 FROM sessions)",
  );
  await database.raw(`
    INSERT INTO audit_events (at, type, user_id, session_id, actor, ip, reason)
    SELECT revoked_at, 'SESSION_ENDED', user_id::text, session_id::text, 'system', ip, end_reason
    FROM sessions WHERE revoked_at IS NOT NULL ORDER BY revoked_at`);
  await database.raw("VACUUM ANALYZE sessions");
  await database.raw("ANALYZE users");
  await database.raw("ANALYZE audit_events");
};
