/** How often something may be done for each key. */
export interface RateLimit {
  /**
   * Takes one use of a key, if there is one.
   *
   * @returns 0: taken; else milliseconds until the next use is there
   */
  take(key: string): number;
}

export interface RateLimitOptions {
  /** Uses of a key that may come at once. */
  readonly burst: number;
  /** Uses that are given back each second. */
  readonly perSecond: number;
  /** Keys that are remembered at most. Beyond it the one that was used least recently is forgotten. */
  readonly maxKeys: number;
  /** Milliseconds on a clock that never steps. */
  readonly monotonic: () => number;
}

/**
 * Makes a rate limit in memory: the generic cell rate algorithm (ITU-T I.371),
 * which keeps one number for each key.
 */
export const createRateLimit = (options: RateLimitOptions): RateLimit => {
  const { burst, perSecond, maxKeys, monotonic } = options;
  const intervalMs = 1000 / perSecond;
  const toleranceMs = (burst - 1) * intervalMs;
  /** When all uses of a key are there again. The keys used last come last. */
  const fullAt = new Map<string, number>();
  return {
    take(key) {
      const now = monotonic();
      const full = Math.max(fullAt.get(key) ?? now, now);
      const waitMs = full - now - toleranceMs;
      if (waitMs > 0) return waitMs;
      fullAt.delete(key);
      fullAt.set(key, full + intervalMs);
      const [oldest] = fullAt.keys();
      if (fullAt.size > maxKeys && oldest !== undefined) fullAt.delete(oldest);
      return 0;
    },
  };
};
