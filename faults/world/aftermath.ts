import type pg from "pg";
import type { Aftermath, SessionRecord } from "../history/aftermath.js";

interface Row {
  session_id: string;
  user_id: string;
  refresh_generation: number;
  end_reason: string | null;
  ended: number;
  rotated: number;
  reused: number;
  reuse_ended: number;
}

const SESSIONS = `
  SELECT s.session_id, s.user_id, s.refresh_generation, s.end_reason,
    count(*) FILTER (WHERE e.type = 'SESSION_ENDED')::int AS ended,
    count(*) FILTER (WHERE e.type = 'REFRESHED' AND e.metadata->>'repeated' IS NULL)::int AS rotated,
    count(*) FILTER (WHERE e.type = 'REFRESH_REUSED')::int AS reused,
    count(*) FILTER (WHERE e.type = 'REFRESH_REUSED' AND e.reason = 'end')::int AS reuse_ended
  FROM sessions s LEFT JOIN audit_events e ON e.session_id = s.session_id::text
  WHERE s.user_id = ANY($1::uuid[])
  GROUP BY s.session_id`;

/** Reads what became of all sessions of these users. */
export const readAftermath = async (
  database: Pick<pg.Client, "query">,
  userIds: readonly string[],
): Promise<Aftermath> => {
  const { rows } = await database.query<Row>(SESSIONS, [userIds]);
  const openSessions = new Map<string, string[]>();
  for (const row of rows)
    if (row.end_reason === null)
      openSessions.set(row.user_id, [...(openSessions.get(row.user_id) ?? []), row.session_id]);
  return { sessions: new Map(rows.map((row) => [row.session_id, recordOf(row)])), openSessions };
};

const recordOf = (row: Row): SessionRecord => ({
  userId: row.user_id,
  generation: row.refresh_generation,
  endReason: row.end_reason ?? undefined,
  events: {
    ended: row.ended,
    rotated: row.rotated,
    reused: row.reused,
    reuseEnded: row.reuse_ended,
  },
});
