import type { Session } from "../core/session/session.js";

/** The columns that say where a session's refresh tokens stand. */
export const refreshColumns = (refresh: Session["refresh"]) => ({
  refresh_generation: refresh.generation,
  rotated_at: new Date(refresh.rotatedAt),
  previous_rotated_at: new Date(refresh.previousRotatedAt),
  unanswered_generation: refresh.isUnanswered ? refresh.generation : null,
});

const timeOrNull = (at: number | undefined): Date | null =>
  at === undefined ? null : new Date(at);

/** A new row of `sessions`, without the time of the sweeper's first check. */
export const insertColumns = (session: Session) => ({
  session_id: session.id,
  user_id: session.userId,
  created_at: new Date(session.createdAt),
  last_activity_at: new Date(session.lastActivityAt),
  expires_at: new Date(session.expiresAt),
  access_expires_at: new Date(session.accessExpiresAt),
  jti: session.jti,
  device: session.device,
  ip: session.ip,
  user_agent: session.userAgent,
  client_id: session.clientId,
  amr: [...session.amr],
  auth_time: new Date(session.authTime),
  acr: session.acr ?? null,
  acr_expires_at: timeOrNull(session.acrExpiresAt),
  elevated_amr: session.elevatedAmr ? [...session.elevatedAmr] : null,
  idle_timeout_ms: session.idleTimeoutMs ?? null,
  actor_user_id: session.actor?.userId ?? null,
  actor_session_id: session.actor?.sessionId ?? null,
  actor_reason: session.actor?.reason ?? null,
  ...refreshColumns(session.refresh),
});
