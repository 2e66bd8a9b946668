import type { AuditLog, AuditStatistics } from "./ports/audit_log.js";
import type { Clock } from "./ports/clock.js";
import type { SessionStore } from "./ports/session_store.js";

/** From how many in the window on something is worth a look. */
const MANY_FAILURES = 10;
const MANY_REUSES = 1;

export interface UnusualPattern {
  readonly kind: "many_failed_logins" | "many_failed_logins_from_address" | "refresh_reuse";
  readonly subject: string;
  readonly count: number;
  readonly detail: string;
}

export interface SessionStats extends AuditStatistics {
  readonly live: number;
  /** Past their inactivity timeout, and nobody has noticed yet. */
  readonly idle: number;
  readonly ended: number;
  readonly unusual: readonly UnusualPattern[];
}

/** Counts over the whole service, and over a window what happened in it. */
export const sessionStats =
  (deps: { store: SessionStore; audit: AuditLog; clock: Clock; idleTimeoutMs: number }) =>
  async (windowMs: number): Promise<SessionStats> => {
    const now = deps.clock.now();
    const [counts, events] = await Promise.all([
      deps.store.count({ now, idleTimeoutMs: deps.idleTimeoutMs }),
      deps.audit.statistics(now - windowMs),
    ]);
    return { ...counts, ...events, unusual: unusualPatterns(events) };
  };

const unusualPatterns = (events: AuditStatistics): UnusualPattern[] => [
  ...events.failingUsers
    .filter(({ count }) => count >= MANY_FAILURES)
    .map((found) => ({
      ...found,
      kind: "many_failed_logins" as const,
      detail: `${found.count} failed logins of one user`,
    })),
  ...events.failingAddresses
    .filter(({ count }) => count >= MANY_FAILURES)
    .map((found) => ({
      ...found,
      kind: "many_failed_logins_from_address" as const,
      detail: `${found.count} failed logins from one address`,
    })),
  ...events.reusingUsers
    .filter(({ count }) => count >= MANY_REUSES)
    .map((found) => ({
      ...found,
      kind: "refresh_reuse" as const,
      detail: `${found.count} refresh tokens presented after their time: one may have been stolen`,
    })),
];
