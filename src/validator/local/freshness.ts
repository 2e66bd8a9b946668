import type { ServerClock } from "./server_clock.js";

/** The age of the validator's knowledge of revocations. */
export interface Freshness {
  /** Records a watermark that arrived at `receivedAt` and was true at `at` of Curfew's clock. */
  heard(at: number, receivedAt: number): void;
  /** Updates the age after the estimate of Curfew's clock has changed. */
  review(now: number): void;
  /** Whether every revocation that is older than the limit is known. */
  isFresh(now: number): boolean;
  /** Whether no watermark has arrived for as long as the limit. */
  isSilent(now: number): boolean;
  /** The greatest possible age of the knowledge, in milliseconds; Infinity if there is none. */
  age(now: number): number;
  /** Discards all knowledge. */
  reset(): void;
}

/**
 * A watermark says "every revocation before `at` has been delivered". `at` is turned into the earliest local moment it
 * can have been (see ServerClock), and never one after the watermark arrived. So a slow network, delayed messages or a
 * difference of clocks never make it look younger.
 *
 * The elapsed time is measured with two clocks, and the greater value counts: the
 * monotonic clock stands still while some machines sleep, the wall clock does not.
 */
export const createFreshness = (
  clock: Pick<ServerClock, "earliest">,
  limit: number,
  wallNow: () => number = Date.now,
): Freshness => {
  let watermark: number | undefined;
  let receivedAt = Number.NEGATIVE_INFINITY;
  let receivedWall = Number.NEGATIVE_INFINITY;
  let trueAt = Number.NEGATIVE_INFINITY;

  const review = (now: number): void => {
    if (watermark !== undefined) trueAt = Math.min(receivedAt, clock.earliest(watermark, now));
  };

  const age = (now: number): number => {
    if (watermark === undefined) return Number.POSITIVE_INFINITY;
    const slept = wallNow() - receivedWall - (now - receivedAt);
    return now - trueAt + Math.max(0, slept);
  };

  return {
    heard(at, local) {
      watermark = at;
      receivedAt = local;
      receivedWall = wallNow();
      review(local);
    },
    review,
    isFresh: (now) => age(now) <= limit,
    isSilent: (now) => !(now - receivedAt <= limit),
    age,
    reset() {
      watermark = undefined;
      receivedAt = Number.NEGATIVE_INFINITY;
      trueAt = Number.NEGATIVE_INFINITY;
    },
  };
};
