import type { SessionStore } from "../core/ports/session_store.js";
import { formerReaders } from "./former_readers.js";
import { endFromRow, isUuid, type SessionRow } from "./rows.js";
import type { Rows } from "./statements.js";

/** The session status that validation reads after a cache miss. */
const SESSION_STATUSES = `
  SELECT s.session_id, s.user_id, s.last_activity_at, s.expires_at, s.access_expires_at,
    s.idle_timeout_ms, s.revoked_at, s.end_reason, s.ended_by, s.revision, u.username, u.roles,
    s.hot_pending AND s.revoked_at IS NOT NULL
      AND (EXISTS (SELECT 1 FROM replicas r WHERE r.trusts_until > clock_timestamp())
        OR ${formerReaders()}) AS pending_invalidation
  FROM sessions s LEFT JOIN users u ON u.user_id = s.user_id
  WHERE s.session_id = ANY(?::uuid[])`;

interface SessionStatusRow extends SessionRow {
  username: string | null;
  roles: string[] | null;
  pending_invalidation: boolean;
}

export const sessionStatuses =
  (rows: Rows, primaryId: () => string | undefined): SessionStore["sessionStatuses"] =>
  async (sessionIds) => {
    const found = await rows<SessionStatusRow>(SESSION_STATUSES, [
      primaryId() ?? null,
      sessionIds.filter(isUuid),
    ]);
    const byId = new Map(found.map((row) => [row.session_id, row]));
    return sessionIds.map((id) => {
      const row = byId.get(id);
      return (
        row && {
          session: {
            id: row.session_id,
            userId: row.user_id,
            lastActivityAt: row.last_activity_at.getTime(),
            expiresAt: row.expires_at.getTime(),
            accessExpiresAt: row.access_expires_at.getTime(),
            ...(row.idle_timeout_ms !== null && { idleTimeoutMs: Number(row.idle_timeout_ms) }),
            end: endFromRow(row),
          },
          user: { username: row.username ?? "", roles: row.roles ?? [] },
          pendingInvalidation: row.pending_invalidation,
        }
      );
    });
  };
