import type { AuditLog, AuditStatistics } from "../ports/audit_log.js";
import type { Clock } from "../ports/clock.js";
import type { SessionStore } from "../ports/session_store.js";

/** An unusual pattern, and how often it was seen of one subject. */
export interface UnusualCount {
  readonly kind: string;
  readonly subject: string;
  readonly count: number;
  readonly detail: string;
}

export interface SessionStats extends Omit<AuditStatistics, "unusual"> {
  readonly live: number;
  /** Past their inactivity timeout, but not yet recorded as ended. */
  readonly idle: number;
  readonly ended: number;
  readonly unusual: readonly UnusualCount[];
}

/** Describes a pattern by its kind. A kind from a newer version is described by its name. */
const DETAILS: Readonly<Record<string, (count: number) => string>> = {
  many_failed_logins: (count) => `${count} failed logins of one user`,
  many_failed_logins_from_address: (count) => `${count} failed logins from one address`,
  new_device: (count) => `${count} sign-ins with software the user had not used before`,
  address_changed: (count) => `${count} times a session went on from another address`,
  refresh_reuse: (count) =>
    `${count} refresh tokens presented long after their use: one may have been stolen`,
  revocation_burst: (count) => `${count} sessions ended by one caller within minutes`,
};

/**
 * Counts the sessions of the whole service, and the events of a window up to this moment. It searches for patterns
 * first, unless another search is running.
 */
export const sessionStats =
  (deps: {
    store: SessionStore;
    audit: AuditLog;
    clock: Clock;
    idleTimeoutMs: number;
    findPatterns: () => Promise<void>;
  }) =>
  async (windowMs: number): Promise<SessionStats> => {
    await deps.findPatterns();
    const now = deps.clock.now();
    const [counts, events] = await Promise.all([
      deps.store.count({ now, idleTimeoutMs: deps.idleTimeoutMs }),
      deps.audit.statistics(now - windowMs),
    ]);
    return { ...counts, ...events, unusual: describeUnusual(events) };
  };

/** A pattern is reported once while it continues, so the failures may have become more since. */
const describeUnusual = (events: AuditStatistics): UnusualCount[] => {
  const newest: Readonly<Record<string, AuditStatistics["failingUsers"]>> = {
    many_failed_logins: events.failingUsers,
    many_failed_logins_from_address: events.failingAddresses,
  };
  return events.unusual.map(({ kind, subject, count }) => {
    const counted = newest[kind]?.find((found) => found.subject === subject)?.count ?? 0;
    const most = Math.max(count, counted);
    return { kind, subject, count: most, detail: DETAILS[kind]?.(most) ?? kind };
  });
};
