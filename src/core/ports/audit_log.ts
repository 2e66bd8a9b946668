import type { AuditEvent } from "../audit_event.js";
import type { EndReason } from "../session.js";

/** Reads security events, and writes those that belong to no change of a session or user. */
export interface AuditLog {
  record(events: readonly AuditEvent[]): Promise<void>;
  /** The event that ended a session. */
  endingOf(sessionId: string): Promise<AuditEvent | undefined>;
  statistics(since: number): Promise<AuditStatistics>;
  deleteBefore(at: number, limit: number): Promise<number>;
}

/** Counts of events since a moment. */
export interface AuditStatistics {
  readonly logins: number;
  readonly failedLogins: number;
  readonly refreshes: number;
  readonly endings: readonly { readonly reason: EndReason; readonly count: number }[];
  /** Accounts and addresses with the most failures, at most ten each. */
  readonly failingUsers: readonly { readonly subject: string; readonly count: number }[];
  readonly failingAddresses: readonly { readonly subject: string; readonly count: number }[];
  readonly reusingUsers: readonly { readonly subject: string; readonly count: number }[];
}
