import type { LiveAt, Rotated, Rotation } from "../core/ports/session_store.js";
import { type SessionRow, sessionColumns, sessionFromRow } from "./rows.js";
import type { Rows } from "./statements.js";

/**
 * Compares and sets the generation of each session. Sessions that another transaction holds are left out, so that no
 * caller waits for a row and a batch cannot be part of a deadlock. A row that has changed since the statement began is
 * judged again once it is locked (PostgreSQL manual, "Read Committed Isolation Level").
 *
 * Bindings: the arrays of the rotations, the time, the time after which a session
 * must have been used, and the time again.
 */
const ROTATE = `
  WITH presented AS (
    SELECT p.session_id, p.generation, p.jti, p.access_expires_at, p.used_at, p.answered_at,
      p.is_unanswered, p.ip
    FROM unnest(?::uuid[], ?::bigint[], ?::text[], ?::timestamptz[], ?::timestamptz[],
        ?::timestamptz[], ?::boolean[], ?::text[])
      AS p (session_id, generation, jti, access_expires_at, used_at, answered_at, is_unanswered, ip)
  ),
  moment AS (SELECT ?::timestamptz AS at, ?::timestamptz AS idle_since),
  held AS (
    SELECT s.session_id, p.jti, p.access_expires_at, p.used_at, p.answered_at, p.is_unanswered,
      p.ip, m.at
    FROM presented p JOIN sessions s ON s.session_id = p.session_id CROSS JOIN moment m
    WHERE s.refresh_generation = p.generation AND s.revoked_at IS NULL
      AND s.expires_at > m.at AND s.last_activity_at > m.idle_since
      AND (s.idle_timeout_ms IS NULL
        OR s.last_activity_at > m.at - s.idle_timeout_ms * interval '1 millisecond')
      AND s.actor_user_id IS NULL
    FOR UPDATE OF s SKIP LOCKED
  ),
  rotated AS (
    UPDATE sessions s SET
      refresh_generation = s.refresh_generation + 1,
      rotated_at = h.at,
      previous_rotated_at = CASE WHEN s.unanswered_generation = s.refresh_generation
        THEN coalesce(h.answered_at, h.at) ELSE s.rotated_at END,
      unanswered_generation = CASE WHEN h.is_unanswered THEN s.refresh_generation + 1 END,
      jti = h.jti,
      access_expires_at = greatest(s.access_expires_at, least(h.access_expires_at, s.expires_at)),
      last_activity_at = greatest(s.last_activity_at, h.used_at)
    FROM held h WHERE s.session_id = h.session_id
    RETURNING ${sessionColumns("s")}, h.ip AS event_ip, h.at AS event_at,
      'REFRESHED'::text AS event_type
  ),
  told AS (
    INSERT INTO audit_events (at, type, user_id, session_id, actor, ip)
    SELECT r.event_at, r.event_type, r.user_id, r.session_id, r.user_id, r.event_ip FROM rotated r
  )
  SELECT ${sessionColumns("r")}, u.roles FROM rotated r LEFT JOIN users u ON u.user_id = r.user_id`;

/** Rotates those that may be. Resolves to them by session id. */
export const rotateSessions = async (
  rows: Rows,
  rotations: readonly Rotation[],
  { now, idleTimeoutMs }: LiveAt,
): Promise<ReadonlyMap<string, Rotated>> => {
  const rotated = await rows<SessionRow & { roles: string[] | null }>(ROTATE, [
    rotations.map((r) => r.sessionId),
    rotations.map((r) => r.generation),
    rotations.map((r) => r.jti),
    rotations.map((r) => new Date(r.accessExpiresAt)),
    rotations.map((r) => new Date(r.usedAt)),
    rotations.map((r) => (r.answeredAt === undefined ? null : new Date(r.answeredAt))),
    rotations.map((r) => r.isUnanswered),
    rotations.map((r) => r.ip),
    new Date(now),
    new Date(now - idleTimeoutMs),
  ]);
  return new Map(
    rotated.map((row) => [
      row.session_id,
      { session: sessionFromRow(row), roles: row.roles ?? [] },
    ]),
  );
};
