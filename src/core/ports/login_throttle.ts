/** Counts failed logins per account and per source, atomically over replicas and restarts (D1). */
export interface LoginThrottle {
  /**
   * Counts an attempt before its password is looked at. Known and unknown
   * usernames are treated alike.
   */
  attempt(usernameFolded: string, ip: string): Promise<ThrottleVerdict>;
  /** The attempt was not a wrong password: it does not count. `clear` forgets the account's earlier ones. */
  forgive(usernameFolded: string, ip: string, clear: boolean): Promise<void>;
  /** Forgets the account's failed logins. */
  unlock(usernameFolded: string): Promise<void>;
  /** Deletes counts that no longer matter. */
  prune(): Promise<void>;
}

export interface ThrottleVerdict {
  /** Milliseconds to wait; 0: go on. */
  readonly retryAfterMs: number;
  /** Whether it was this attempt that locked the account. */
  readonly locked: boolean;
}
