import type { ServerClock } from "./server_clock.js";

/** How old what is known of revocations is. */
export interface Freshness {
  /** A watermark arrived that was true at `at` of Curfew's clock. */
  heard(at: number, receivedAt: number): void;
  /** Curfew's clock is known better, or no longer. */
  review(now: number): void;
  /** Whether every ending that is older than the limit is known. */
  isFresh(now: number): boolean;
  /** Whether no watermark has arrived for as long as the limit. */
  isSilent(now: number): boolean;
  /** Milliseconds that may have passed since what is known was true; Infinity: nothing is known. */
  age(now: number): number;
  /** Nothing is known any more. */
  reset(): void;
}

/**
 * A watermark says "every ending before `at` has been told". `at` is turned
 * into the earliest local moment it can have been (see ServerClock), and never
 * one after the watermark arrived. So neither a slow network nor one that
 * held messages back, and no difference of clocks, makes it look younger.
 *
 * Two clocks are asked how much time has passed since: the monotonic one stands
 * still while some machines sleep, the wall clock does not; whichever says more
 * counts.
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
