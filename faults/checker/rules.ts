/** The settings of the system that the checker has to know. Times are milliseconds. */
export interface Rules {
  readonly maxSessions: number;
  readonly limitPolicy: "evict_oldest" | "evict_least_recently_used" | "reject";
  readonly graceMs: number;
  readonly idleTimeoutMs: number;
  /** Use of a session that faults may have lost: 0 where nothing was killed. */
  readonly activityLossMs: number;
  /** How far the clock of the calls and the system's may drift apart during a history. */
  readonly clockSlackMs: number;
  /** Failed logins of one account before it is locked. */
  readonly loginFailures: number;
}
