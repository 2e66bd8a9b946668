import type { Redis } from "ioredis";
import type pg from "pg";
import { writeEntry } from "../src/redis/entries.js";
import { sessionKey } from "../src/redis/keys.js";

/** A session that was put into the stores without a login. Times in milliseconds since the epoch. */
export interface LiveSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly username: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

const SESSIONS_A_USER = 2;

/** Puts users with two live sessions each into Postgres, all signed in a minute ago. */
export const insertLiveSessions = async (
  database: pg.Client,
  sessions: number,
): Promise<LiveSession[]> => {
  await database.query(
    `INSERT INTO users (user_id, username, username_folded, display_name, roles, is_active, password_hash, created_at)
     SELECT md5('bench' || n)::uuid, 'bench' || n, 'bench' || n, 'Bench', '{}', true, 'x', now()
     FROM generate_series(0, $1::int - 1) n`,
    [Math.ceil(sessions / SESSIONS_A_USER)],
  );
  await database.query(
    `INSERT INTO sessions (session_id, user_id, created_at, last_activity_at, expires_at,
       access_expires_at, next_check_at, jti, device, ip, user_agent, refresh_generation,
       rotated_at, previous_rotated_at)
     SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
         || substr(hash, 1, 3) || '8' || substr(hash, 4, 15))::uuid,
       md5('bench' || n / $2::int)::uuid, at, at, at + interval '7 days',
       at + interval '15 minutes', at + interval '30 minutes', hash, 'Firefox on Linux',
       '10.0.' || n / 250 % 250 || '.' || n % 250,
       'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0', 1, at, at
     FROM (
       SELECT n, md5(n::text) AS hash, date_trunc('second', now() - interval '1 minute') AS at
       FROM generate_series(0, $1::int - 1) n
     ) AS made`,
    [sessions, SESSIONS_A_USER],
  );
  await database.query("VACUUM ANALYZE sessions");
  const { rows } = await database.query<{
    session_id: string;
    user_id: string;
    username: string;
    created_at: Date;
    expires_at: Date;
  }>(
    "SELECT session_id, user_id, username, s.created_at, expires_at FROM sessions s JOIN users USING (user_id)",
  );
  return rows.map((row) => ({
    sessionId: row.session_id,
    userId: row.user_id,
    username: row.username,
    createdAt: row.created_at.getTime(),
    expiresAt: row.expires_at.getTime(),
  }));
};

/** Puts their entries into Redis, in the form and the epoch that the replicas count. */
export const fillHotEntries = async (
  redis: Redis,
  database: pg.Client,
  sessions: readonly LiveSession[],
  idleTimeoutMs: number,
): Promise<void> => {
  const { rows } = await database.query<{ epoch: string }>("SELECT epoch FROM hot_epochs");
  const epoch = rows[0]?.epoch ?? "";
  const now = Date.now();
  for (let start = 0; start < sessions.length; start += 5000) {
    const pipeline = redis.pipeline();
    for (const session of sessions.slice(start, start + 5000)) {
      const entry = writeEntry({ ...session, roles: [], lastActivityAt: now }, epoch);
      pipeline.set(sessionKey(0, session.sessionId), entry, "PX", idleTimeoutMs);
    }
    await pipeline.exec();
  }
};
