import type { SessionRequests } from "../core/ports/session_requests.js";
import type { Rows } from "./statements.js";

const CLAIM = `
  INSERT INTO session_requests AS r (caller, idempotency_key, fingerprint, expires_at)
  VALUES (?::text, ?::text, ?::text, ?::timestamptz)
  ON CONFLICT (caller, idempotency_key) DO UPDATE SET
    fingerprint = CASE WHEN r.expires_at <= ?::timestamptz THEN excluded.fingerprint
      ELSE r.fingerprint END,
    session_id = CASE WHEN r.expires_at > ?::timestamptz THEN r.session_id END,
    expires_at = CASE WHEN r.expires_at <= ?::timestamptz THEN excluded.expires_at
      ELSE r.expires_at END
  RETURNING r.fingerprint, r.session_id, r.user_id, r.ended_sessions`;

const KEEP = `
  UPDATE session_requests SET session_id = ?::uuid, user_id = ?::uuid, ended_sessions = ?::uuid[]
  WHERE caller = ?::text AND idempotency_key = ?::text`;

interface RequestRow {
  fingerprint: string;
  session_id: string | null;
  user_id: string | null;
  ended_sessions: string[];
}

/** The statements of one transaction. */
export const sessionRequests = (rows: Rows): SessionRequests => ({
  async claimRequest({ caller, key }, fingerprint, { now, expiresAt }) {
    const at = new Date(now);
    const [row] = await rows<RequestRow>(CLAIM, [
      caller,
      key,
      fingerprint,
      new Date(expiresAt),
      at,
      at,
      at,
    ]);
    const made = row?.session_id &&
      row.user_id && {
        sessionId: row.session_id,
        userId: row.user_id,
        endedIds: row.ended_sessions,
      };
    return { fingerprint: row?.fingerprint ?? fingerprint, made: made || undefined };
  },
  async keepRequest({ caller, key }, { sessionId, userId, endedIds }) {
    await rows(KEEP, [sessionId, userId, [...endedIds], caller, key]);
  },
});
