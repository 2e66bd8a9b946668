import type { SessionStore } from "../core/ports/session_store.js";
import { formerReaders } from "./former_readers.js";
import { endFromRow, isUuid, type SessionRow, sessionColumns } from "./rows.js";
import type { Rows } from "./statements.js";

const SESSION = sessionColumns("s");
const NIL_UUID = "00000000-0000-0000-0000-000000000000";

type EndedSessions = Pick<
  SessionStore,
  "pendingInvalidations" | "markInvalidated" | "invalidatedAmong" | "deleteEnded"
>;

/** More milliseconds than there are between telling a hot server and noting it. */
const TELLING_MS = 1000;

/**
 * Handles sessions after their end: they are invalidated in the hot store, and finally deleted.
 *
 * @param primaryId the primary that the statements are run on, if it is known
 */
export const endedSessions = (rows: Rows, primaryId: () => string | undefined): EndedSessions => ({
  async pendingInvalidations({ limit, after, userId }) {
    if (userId !== undefined && !isUuid(userId)) return [];
    const found = await rows<SessionRow & { hot_changes: number }>(
      `SELECT ${SESSION}, s.hot_changes FROM sessions s
       WHERE s.hot_pending AND s.session_id > ? ${userId === undefined ? "" : "AND s.user_id = ?"}
       ORDER BY s.session_id LIMIT ?`,
      [after ?? NIL_UUID, ...(userId === undefined ? [] : [userId]), limit],
    );
    return found.map((row) => ({
      sessionId: row.session_id,
      userId: row.user_id,
      end: endFromRow(row),
      accessExpiresAt: row.access_expires_at.getTime(),
      change: Number(row.hot_changes),
    }));
  },

  async markInvalidated(told) {
    const marked = await rows<{ session_id: string }>(MARK_BURIED, [
      told.map((t) => t.pendingInvalidations.sessionId),
      told.map((t) => t.pendingInvalidations.end !== undefined),
      told.map((t) => t.pendingInvalidations.change ?? 0),
      told.map((t) => t.shard),
      told.map((t) => t.serverId),
      primaryId() ?? null,
    ]);
    return marked.map((row) => row.session_id);
  },

  async invalidatedAmong(sessionIds, shards) {
    const ids = sessionIds.filter(isUuid);
    const found = await rows<{ session_id: string }>(INVALIDATED_AMONG, [
      ids,
      ids.map((id) => shards?.of(id) ?? 0),
      shards?.count ?? 0,
      primaryId() ?? null,
    ]);
    return found.map((row) => row.session_id);
  },

  async deleteEnded(endedBefore, now, limit) {
    const deleted = await rows(DELETE_ENDED, [new Date(endedBefore), new Date(now), limit]);
    return deleted.length;
  },
});

/**
 * Sessions are locked in the order of ids, as everywhere. Three kinds of invalidation mark nothing: one that was sent
 * before the newest change; one that went to another server than the agreed one, because that server's entries count
 * again as soon as a replica uses it again, while adopting another server starts an epoch without entries; and one that
 * was sent while a replica could still fill in data that it had read from a former primary.
 */
const MARK_BURIED = `
  WITH told AS (
    SELECT t.session_id, t.ended, t.change, t.shard, t.server_id
    FROM unnest(?::uuid[], ?::boolean[], ?::int[], ?::int[], ?::text[])
      AS t (session_id, ended, change, shard, server_id)
  ),
  held AS (
    SELECT s.session_id, told.shard, told.server_id
    FROM sessions s JOIN told ON told.session_id = s.session_id
    WHERE s.hot_pending AND (s.revoked_at IS NOT NULL) = told.ended
      AND (told.ended OR s.hot_changes = told.change)
    ORDER BY s.session_id
    FOR UPDATE OF s
  )
  UPDATE sessions s SET hot_pending = false
  FROM held JOIN hot_epochs agreed
    ON agreed.shard = held.shard AND agreed.server_id = held.server_id
  WHERE s.session_id = held.session_id AND NOT ${formerReaders(TELLING_MS)}
  RETURNING s.session_id`;

/** A lease over another number of shards is of another kind of hot store: it may be about any session. */
const INVALIDATED_AMONG = `
  SELECT s.session_id
  FROM unnest(?::uuid[], ?::int[]) AS asked (session_id, shard)
  JOIN sessions s ON s.session_id = asked.session_id
  WHERE NOT s.hot_pending OR NOT EXISTS (
    SELECT 1 FROM replicas r
    WHERE r.trusts_until > clock_timestamp()
      AND (cardinality(r.server_ids) <> ? OR r.server_ids[asked.shard + 1] <> '')
  ) AND NOT ${formerReaders()}`;

/**
 * Never a row still needed to say "ended", nor the newest revocation, which says how
 * far revisions have come; and never one that another cleaner holds.
 */
const DELETE_ENDED = `
  WITH due AS MATERIALIZED (
    SELECT s.session_id FROM sessions s
    WHERE s.revoked_at < ? AND s.relevant_until < ? AND NOT s.hot_pending
      AND s.revision < (SELECT max(m.revision) FROM sessions m)
    ORDER BY s.revoked_at LIMIT ? FOR UPDATE SKIP LOCKED
  )
  DELETE FROM sessions d USING due WHERE d.session_id = due.session_id
  RETURNING 1`;
