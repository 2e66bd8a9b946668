import type { Clock } from "./ports/clock.js";

/** A clock that follows the store's. */
export interface SharedClock extends Clock {
  /**
   * Learns what the store's clock said between two moments of `monotonic`, all
   * in milliseconds. The tightest of the recent samples counts.
   */
  synchronise(storeNow: number, sentAt: number, receivedAt: number): void;
}

interface Sample {
  readonly offset: number;
  readonly roundTrip: number;
}

const KEPT_SAMPLES = 8;

/**
 * Time that replicas agree on although their wall clocks differ or step (A2,
 * R7): the monotonic clock plus its distance from the store's clock (Cristian's
 * algorithm). Until the first sample, the wall clock.
 */
export const sharedClock = (source: {
  wall: () => number;
  monotonic: () => number;
  sleep: (ms: number) => Promise<void>;
}): SharedClock => {
  let offset = source.wall() - source.monotonic();
  const samples: Sample[] = [];
  return {
    now: () => Math.round(source.monotonic() + offset),
    monotonic: source.monotonic,
    sleep: source.sleep,
    synchronise(storeNow, sentAt, receivedAt) {
      samples.push({
        offset: storeNow - (sentAt + receivedAt) / 2,
        roundTrip: receivedAt - sentAt,
      });
      if (samples.length > KEPT_SAMPLES) samples.shift();
      offset = samples.reduce((a, b) => (b.roundTrip <= a.roundTrip ? b : a)).offset;
    },
  };
};
