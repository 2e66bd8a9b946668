/** The settings of the core, given at start. Times are milliseconds. */
export interface CoreSettings {
  readonly issuer: string;
  readonly audience: string;
  /** `client_id` of sessions that are made without one. */
  readonly defaultClientId: string;
  /** Life of an access token. */
  readonly accessTtlMs: number;
  /** A session not used for this long ends. */
  readonly idleTimeoutMs: number;
  /** A session ends after this long at the latest. */
  readonly maxLifetimeMs: number;
  /** How long a refresh token gives its successor again (R2). */
  readonly graceMs: number;
  /** Most live sessions of one user (N1). */
  readonly maxSessions: number;
  readonly limitPolicy: LimitPolicy;
  /** How long a login or refresh may wait until Postgres and Redis agree. */
  readonly consistencyTimeoutMs: number;
  /** How long an ended session stays on record. */
  readonly retentionMs: number;
  /** How long security events are kept. */
  readonly auditRetentionMs: number;
  readonly passwordMinLength: number;
  /** Words that the operator wants in no password, besides those of issuer and audience. */
  readonly passwordContextWords: readonly string[];
}

export type LimitPolicy = "evict_oldest" | "evict_least_recently_used" | "reject";

/**
 * Most activity that kill -9 may lose, in milliseconds (A1). Activity reaches
 * Postgres at half this interval.
 */
export const toleratedActivityLossMs = (idleTimeoutMs: number): number =>
  Math.min(5000, idleTimeoutMs / 20);

/**
 * How far behind a session's last use the hot store's note of it may be, in
 * milliseconds: a fifth of what may be lost. Postgres has it exactly a flush later.
 * 0 where a login evicts the session that was least recently used: there every
 * use on every replica counts.
 */
export const activityStepMs = ({
  idleTimeoutMs,
  limitPolicy,
}: Pick<CoreSettings, "idleTimeoutMs" | "limitPolicy">): number =>
  limitPolicy === "evict_least_recently_used" ? 0 : toleratedActivityLossMs(idleTimeoutMs) / 5;
