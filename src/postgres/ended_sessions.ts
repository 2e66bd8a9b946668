import type { SessionStore } from "../core/ports/session_store.js";
import { endFromRow, isUuid, type SessionRow, sessionFromRow } from "./rows.js";
import type { Rows } from "./standings.js";

const NIL_UUID = "00000000-0000-0000-0000-000000000000";

type EndedSessions = Pick<
  SessionStore,
  "unburied" | "markBuried" | "outOfReach" | "deleteEnded" | "endingsAfter" | "lastRevision"
>;

/** What becomes of sessions after their end: told to the hot store, to watchers, and at last deleted. */
export const endedSessions = (rows: Rows): EndedSessions => ({
  async unburied({ limit, after, userId }) {
    const found = await rows<SessionRow>(
      `SELECT * FROM sessions
       WHERE hot_pending AND session_id > ? ${userId === undefined ? "" : "AND user_id = ?"}
       ORDER BY session_id LIMIT ?`,
      [after ?? NIL_UUID, ...(userId === undefined ? [] : [userId]), limit],
    );
    return found.map((row) => ({
      sessionId: row.session_id,
      userId: row.user_id,
      end: endFromRow(row),
      accessExpiresAt: row.access_expires_at.getTime(),
    }));
  },

  async markBuried(told) {
    const marked = await rows<{ session_id: string }>(MARK_BURIED, [
      told.map((t) => t.sessionId),
      told.map((t) => t.shard),
      told.map((t) => t.serverId),
    ]);
    return marked.map((row) => row.session_id);
  },

  async outOfReach(sessionIds) {
    const found = await rows<{ session_id: string }>(OUT_OF_REACH, [sessionIds.filter(isUuid)]);
    return found.map((row) => row.session_id);
  },

  async deleteEnded(endedBefore, now, limit) {
    const deleted = await rows(DELETE_ENDED, [new Date(endedBefore), new Date(now), limit]);
    return deleted.length;
  },

  async endingsAfter(revision, now, limit) {
    const found = await rows<SessionRow>(
      `SELECT * FROM sessions WHERE revision > ? AND access_expires_at > ?
       ORDER BY revision LIMIT ?`,
      [revision.toString(), new Date(now), limit],
    );
    return found.map(sessionFromRow);
  },

  async lastRevision(userId) {
    const [row] = await rows<{ revision: string | null }>(
      `SELECT max(revision) AS revision FROM sessions
       WHERE revision IS NOT NULL ${userId === undefined ? "" : "AND user_id = ?"}`,
      userId === undefined ? [] : [userId],
    );
    return BigInt(row?.revision ?? 0);
  },
});

/** Locked in the order of ids, as everybody locks sessions; a replica that trusts another server keeps the note open. */
const MARK_BURIED = `
  WITH told AS (
    SELECT * FROM unnest(?::uuid[], ?::int[], ?::text[]) AS told(session_id, shard, server_id)
  ),
  held AS (
    SELECT s.session_id, told.shard, told.server_id
    FROM sessions s JOIN told USING (session_id)
    WHERE s.hot_pending
    ORDER BY s.session_id
    FOR UPDATE OF s
  )
  UPDATE sessions s SET hot_pending = false
  FROM held
  WHERE s.session_id = held.session_id AND NOT EXISTS (
    SELECT 1 FROM replicas r
    WHERE r.trusts_until > clock_timestamp()
      AND r.server_ids[held.shard + 1] IS DISTINCT FROM held.server_id
  )
  RETURNING s.session_id`;

const OUT_OF_REACH = `
  SELECT session_id FROM sessions
  WHERE session_id = ANY(?::uuid[]) AND (
    NOT hot_pending
    OR NOT EXISTS (SELECT 1 FROM replicas WHERE trusts_until > clock_timestamp())
  )`;

/** Never a row still needed to say "ended", and never one that another cleaner holds. */
const DELETE_ENDED = `
  DELETE FROM sessions WHERE session_id IN (
    SELECT session_id FROM sessions
    WHERE revoked_at < ? AND access_expires_at < ? AND NOT hot_pending
    ORDER BY revoked_at LIMIT ? FOR UPDATE SKIP LOCKED
  )
  RETURNING 1`;
