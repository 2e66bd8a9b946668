import type pg from "pg";

/** How many days ago the oldest session was made; less than they are kept after their end. */
const DAYS = 6;
const SESSIONS_A_USER = 10;
/** Sessions of one INSERT, which shows how far it has come. */
const STEP = 500_000;

/** Where the ids of a population begin, so that it can grow. */
export interface Growth {
  readonly from: number;
  readonly to: number;
}

/**
 * Grows the tables to those of a service that has run for a while, in these proportions: of all sessions 30 % are live,
 * 0.1 % have timed out unnoticed, and the others have ended, one third of them by timing out. Users have ten sessions
 * each, made over six days, three of them live.
 */
export const growPopulation = async (
  database: pg.Client,
  { from, to }: Growth,
  onProgress: (sessions: number) => void,
): Promise<void> => {
  const indexes = await dropIndexes(database);
  await database.query(USERS, [
    Math.ceil(from / SESSIONS_A_USER),
    Math.ceil(to / SESSIONS_A_USER) - 1,
  ]);
  for (let start = from; start < to; start += STEP) {
    const end = Math.min(to, start + STEP);
    await database.query(SESSIONS, [start, end - 1, from, to]);
    onProgress(end);
  }
  for (const definition of indexes) await database.query(definition);
  await database.query("VACUUM ANALYZE sessions");
  await database.query("VACUUM ANALYZE users");
};

/** To make an index of millions of rows at once is faster than row by row. Resolves to their definitions. */
const dropIndexes = async (database: pg.Client): Promise<string[]> => {
  const { rows } = await database.query<{ name: string; definition: string }>(
    `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
     FROM pg_index
     WHERE indrelid = 'sessions'::regclass AND NOT indisprimary`,
  );
  for (const { name } of rows) await database.query(`DROP INDEX ${name}`);
  return rows.map(({ definition }) => definition);
};

const USERS = `
  INSERT INTO users (user_id, username, username_folded, display_name, roles, is_active,
    password_hash, created_at)
  SELECT md5('fill' || n)::uuid, 'fill' || n, 'fill' || n, 'User ' || n, '{}', true, 'x', now()
  FROM generate_series($1::int, $2::int) n`;

/** $1 and $2: first and last of this step; $3 and $4: bounds of the population, for the times. */
const SESSIONS = `
  INSERT INTO sessions (session_id, user_id, created_at, last_activity_at, expires_at,
    access_expires_at, next_check_at, jti, device, ip, user_agent, refresh_generation, rotated_at,
    previous_rotated_at, revoked_at, end_reason, ended_by, revision, relevant_until)
  SELECT (lpad(to_hex((extract(epoch FROM created_at) * 1000)::bigint), 12, '0') || '7'
      || substr(hash, 1, 3) || '8' || substr(hash, 4, 15))::uuid,
    md5('fill' || n / ${SESSIONS_A_USER})::uuid, created_at, used_at,
    date_trunc('second', created_at + interval '7 days'),
    used_at + interval '15 minutes', used_at + interval '30 minutes', hash, 'Firefox on Linux',
    '10.' || n % 250 || '.' || n / 250 % 250 || '.' || n / 62500 % 250,
    'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0', 3, used_at, used_at,
    ended_at, reason, CASE WHEN reason IS NOT NULL THEN 'system' END,
    CASE WHEN reason IS NOT NULL THEN nextval('session_revision') END,
    CASE WHEN reason IS NOT NULL THEN used_at + interval '15 minutes' END
  FROM (
    SELECT *,
      CASE WHEN reason IS NOT NULL THEN created_at + interval '5 minutes'
        WHEN n % 1000 = 0 THEN now() - interval '40 minutes'
        ELSE now() - (n % 600) * interval '1 second' END AS used_at,
      CASE reason WHEN 'IDLE_TIMEOUT' THEN created_at + interval '35 minutes'
        WHEN 'LOGOUT' THEN created_at + interval '6 minutes' END AS ended_at
    FROM (
      SELECT n, md5(n::text) AS hash,
        now() - interval '1 hour'
          - ($4::int - n) * (interval '${DAYS} days' / ($4::int - $3::int)) AS created_at,
        CASE WHEN n % 10 < 3 THEN NULL WHEN n % 3 = 0 THEN 'IDLE_TIMEOUT' ELSE 'LOGOUT' END AS reason
      FROM generate_series($1::int, $2::int) n
    ) AS fated
  ) AS used
  ORDER BY n`;
