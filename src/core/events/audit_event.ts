/** The kinds of security event. The names are those of `curfew.v1.AuditEventType`. */
export const AUDIT_EVENT_TYPES = [
  "LOGIN",
  "LOGIN_FAILED",
  "ACCOUNT_LOCKED",
  "ACCOUNT_UNLOCKED",
  "REFRESHED",
  "REFRESH_REUSED",
  "SESSION_ENDED",
  "CALL_DENIED",
  "PASSWORD_SET",
  "USER_CREATED",
  "USER_UPDATED",
  "USER_DELETED",
  "SERVICE_KEY_CREATED",
  "SERVICE_KEY_REVOKED",
  "SIGNING_KEY_CHANGED",
  "UNUSUAL_ACTIVITY",
  "IDENTITY_LINKED",
  "IDENTITY_UNLINKED",
] as const;
export type AuditEventType = (typeof AUDIT_EVENT_TYPES)[number];

/** A security event, written in the transaction that it records (D7). Nothing in it is secret. */
export interface AuditEvent {
  readonly type: AuditEventType;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly userId?: string | undefined;
  readonly sessionId?: string | undefined;
  /** A user id, `service:<name>`, `system`, or empty for a stranger. */
  readonly actor?: string | undefined;
  readonly ip?: string | undefined;
  readonly reason?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
}
