export interface ThrottleLimits {
  /** Failed logins of one account before it is locked. */
  readonly perAccount: number;
  /** Failed logins from one address before it has to wait. */
  readonly perSource: number;
  /** How long a count, and a lock, lasts, in milliseconds. */
  readonly windowMs: number;
}

/** The known state of an account or a source that has no place for another attempt. */
export interface FullCount {
  /** Failed attempts within the window. */
  readonly failures: number;
  /** Milliseconds until the failures no longer count. */
  readonly leftMs: number;
}

/** Attempts that are being checked are soon concluded. */
const CONCLUDED_SOON_MS = 1000;

/** The reason for which an attempt is refused. */
export interface ThrottleRefusal {
  /** `failures`: locked until the window ends. `busy`: only parallel attempts are in the way. */
  readonly cause: "failures" | "busy";
  /** Milliseconds to wait. */
  readonly retryAfterMs: number;
}

export const throttleRefusal = ({ failures, leftMs }: FullCount, limit: number): ThrottleRefusal =>
  failures >= limit
    ? { cause: "failures", retryAfterMs: Math.max(1, leftMs) }
    : { cause: "busy", retryAfterMs: CONCLUDED_SOON_MS };
