import type { AuditEvent, AuditEventType } from "../events/audit_event.js";
import type { EventPosition } from "../events/event_cursor.js";
import type { EndReason } from "../session/session.js";
import type { EventHistory } from "./event_history.js";

/** Reads security events, and writes those that belong to no change of a session or user. */
export interface AuditLog {
  record(events: readonly AuditEvent[]): Promise<void>;
  /** The event that ended a session. */
  revocationEventOf(sessionId: string): Promise<AuditEvent | undefined>;
  statistics(since: number): Promise<AuditStatistics>;
  /**
   * Deletes up to `limit` events that happened before `at`, oldest first, and as
   * many devices that were last used before. Resolves to the greater number.
   */
  deleteBefore(at: number, limit: number): Promise<number>;

  /**
   * Reads up to `limit` events after a position, in order, and hands back those
   * of the given types (none given: all). Gap-free although transactions do not
   * commit in the order in which they wrote: no event is handed out before
   * every transaction that wrote one with an earlier position is over.
   */
  eventsAfter(
    after: EventPosition,
    types: readonly AuditEventType[],
    limit: number,
  ): Promise<EventPage>;
  /** How far the order of events is certain now. */
  head(): Promise<EventHead>;
  /**
   * Hands `work` up to `limit` events after those that this follower was handed
   * last, and writes the events it resolves to, in one transaction: over all
   * replicas each event is handed out once. Resolves to what happened, or to
   * undefined while another replica is at it.
   */
  follow(follower: string, limit: number, work: FollowEvents): Promise<Followed | undefined>;
  /** The transactions that keep the order of events from going on; undefined: there are none. */
  heldUp(): { readonly forMs: number; readonly pids: readonly number[] } | undefined;
}

/** An event and where it stands. */
export interface PlacedEvent {
  readonly event: AuditEvent;
  readonly position: EventPosition;
}

export interface EventPage {
  readonly events: readonly PlacedEvent[];
  /** How far this page has read. */
  readonly position: EventPosition;
  /** Whether there may be more to read now. */
  readonly more: boolean;
}

export interface EventHead {
  /** Of the last event that is certain. */
  readonly position: EventPosition;
  /** No event of this database has had a greater id yet. */
  readonly newestEventId: bigint;
}

export type FollowEvents = (
  events: readonly AuditEvent[],
  history: EventHistory,
) => Promise<readonly AuditEvent[]>;

export interface Followed {
  /** The events that were handed out. */
  readonly events: readonly AuditEvent[];
  /** The events that were written. */
  readonly written: readonly AuditEvent[];
  readonly more: boolean;
}

/** How often events of a kind concerned one subject. */
export interface SubjectCount {
  readonly subject: string;
  readonly count: number;
}

/** Counts of events since a moment. */
export interface AuditStatistics {
  readonly logins: number;
  readonly failedLogins: number;
  /** Of the failed ones, those that were refused as TOO_MANY_ATTEMPTS. */
  readonly throttledLogins: number;
  readonly accountLocks: number;
  readonly refreshes: number;
  readonly revocations: readonly { readonly reason: EndReason; readonly count: number }[];
  /** Accounts and addresses with the most failures, at most ten each. */
  readonly failingUsers: readonly SubjectCount[];
  readonly failingAddresses: readonly SubjectCount[];
  /** Logins by the application they were for, the most frequent first, at most a hundred. */
  readonly loginsByClient: readonly SubjectCount[];
  /** The subjects that were reported as UNUSUAL_ACTIVITY, the most frequent first, at most a hundred. */
  readonly unusual: readonly (SubjectCount & { readonly kind: string })[];
  /** Of the last event that may have been counted. */
  readonly position: EventPosition;
}
