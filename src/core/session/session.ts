/** Why a session ended. The names are those of `curfew.v1.EndReason`. */
export const END_REASONS = [
  "LOGOUT",
  "USER",
  "ADMIN",
  "SESSION_LIMIT",
  "REFRESH_REUSE",
  "PASSWORD_CHANGE",
  "USER_DISABLED",
  "USER_DELETED",
  "IDLE_TIMEOUT",
  "EXPIRED",
  "LOGIN_UNANSWERED",
  "ACTOR_ENDED",
] as const;
export type EndReason = (typeof END_REASONS)[number];

export type SessionState = "ACTIVE" | "IDLE_TIMEOUT" | "EXPIRED" | "REVOKED";

/** How a session ended. Times are milliseconds since the epoch. */
export interface SessionEnd {
  readonly reason: EndReason;
  readonly at: number;
  /** A user id, `service:<name>` or `system`. */
  readonly by: string;
  /** Place in the order of all revocations. */
  readonly revision: bigint;
}

/**
 * One sign-in of one user. It goes from live to ended once and never back.
 * Times are milliseconds since the epoch on the clock that replicas share.
 */
export interface Session {
  /** UUIDv7 in lower case; `sid` of the access tokens. */
  readonly id: string;
  readonly userId: string;
  readonly createdAt: number;
  readonly lastActivityAt: number;
  /** The session's maximum; `sexp` of the access tokens. */
  readonly expiresAt: number;
  /** `exp` of the longest-lived access token issued so far. */
  readonly accessExpiresAt: number;
  /** The newest access token's id. */
  readonly jti: string;
  readonly device: string;
  readonly ip: string;
  readonly userAgent: string;
  /** The application that the session was made for; `client_id` of the access tokens. */
  readonly clientId: string;
  /** How the user proved who they are (RFC 8176). */
  readonly amr: readonly string[];
  /** When the user last proved who they are. */
  readonly authTime: number;
  /** Authentication context class that the issuer vouches for. */
  readonly acr?: string | undefined;
  /** When `acr` and `elevatedAmr` stop to count; absent: at the end of the session. */
  readonly acrExpiresAt?: number | undefined;
  /** Methods that count besides `amr` for as long as `acr` does. */
  readonly elevatedAmr?: readonly string[] | undefined;
  /** The inactivity timeout of this session in milliseconds, if it is shorter than the configured one. */
  readonly idleTimeoutMs?: number | undefined;
  /** The actor that acts as the user in this session; absent: the user. */
  readonly actor?: SessionActor | undefined;
  readonly refresh: RefreshState;
  readonly end: SessionEnd | undefined;
}

/** The actor that acts as the user of a session (RFC 8693, section 4.1). */
export interface SessionActor {
  readonly userId: string;
  /** The actor's own session, with which this one ends; absent: it ends with the actor's user. */
  readonly sessionId: string | undefined;
  /** Why, for the user and the audit log. */
  readonly reason: string;
}

/**
 * Where a session's refresh tokens stand. Order is a counter, never a clock (R7);
 * the times only measure the grace of a generation since its first use.
 */
export interface RefreshState {
  /** The newest refresh token issued. */
  readonly generation: number;
  /** When `generation - 1` was first exchanged for it; once that was answered, when the answer was sent. */
  readonly rotatedAt: number;
  /** When `generation - 2` was first exchanged for `generation - 1`. */
  readonly previousRotatedAt: number;
  /**
   * Whether no caller is known to have been sent `generation`: its answer was
   * lost, is on its way, or is not noted yet. Until one is, the time of
   * `generation - 1` does not run. Absent: it was sent.
   */
  readonly isUnanswered?: boolean;
}

/** The inactivity timeout that counts for a session, in milliseconds. */
export const idleTimeoutOf = (
  { idleTimeoutMs = Number.POSITIVE_INFINITY }: Pick<Session, "idleTimeoutMs">,
  configuredMs: number,
): number => Math.min(idleTimeoutMs, configuredMs);

/** The session's timeouts that have come true without anybody having recorded it. */
export const timedOut = (
  session: Pick<Session, "lastActivityAt" | "expiresAt" | "idleTimeoutMs">,
  now: number,
  idleTimeoutMs: number,
): "EXPIRED" | "IDLE_TIMEOUT" | undefined => {
  if (now >= session.expiresAt) return "EXPIRED";
  if (now >= session.lastActivityAt + idleTimeoutOf(session, idleTimeoutMs)) return "IDLE_TIMEOUT";
  return undefined;
};

/** Where a session stands at `now`. */
export const sessionState = (
  session: Session,
  now: number,
  idleTimeoutMs: number,
): SessionState => {
  const reason = session.end?.reason ?? timedOut(session, now, idleTimeoutMs);
  if (reason === undefined) return "ACTIVE";
  return reason === "IDLE_TIMEOUT" || reason === "EXPIRED" ? reason : "REVOKED";
};

export const isLive = (session: Session, now: number, idleTimeoutMs: number): boolean =>
  sessionState(session, now, idleTimeoutMs) === "ACTIVE";
