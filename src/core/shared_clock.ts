import type { Clock } from "./ports/clock.js";

/** A clock that follows the store's. */
export interface SharedClock extends Clock {
  /**
   * Records a time of the store's clock that was read between two moments of `monotonic`, all in milliseconds, and the
   * number of interruptions of this clock before. The tightest of the recent samples counts; a sample with an
   * interruption in it does not.
   */
  synchronise(storeNow: number, sentAt: number, receivedAt: number, interruptions?: number): void;
  /**
   * How often the machine's two clocks have come apart. The monotonic clock stands still while a virtual machine is
   * suspended, and the wall clock does not: measurements across such a moment are void. A change of the wall clock
   * looks the same.
   */
  interruptions(): number;
  /** Whether `now` follows the store's clock; not after an interruption, until the store is heard. */
  isSynchronised(): boolean;
}

interface Sample {
  readonly offset: number;
  readonly roundTrip: number;
}

const KEPT_SAMPLES = 8;
/**
 * How far the clocks may come apart between two synchronisations, in milliseconds:
 * less than the margin of a lease, and more than a wall clock is slewed meanwhile.
 */
const MAX_APART_MS = 250;

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
  const distance = (): number => source.wall() - source.monotonic();
  let offset = distance();
  const samples: Sample[] = [];
  /** The distance of the two clocks when it was last known to be right. */
  let apart = offset;
  let interruptions = 0;
  let synchronisedAfter = 0;

  const look = (): number => {
    const now = distance();
    if (Math.abs(now - apart) > MAX_APART_MS) {
      interruptions += 1;
      apart = now;
    }
    return interruptions;
  };

  return {
    now: () => Math.round(source.monotonic() + offset),
    monotonic: source.monotonic,
    sleep: source.sleep,
    interruptions: look,
    isSynchronised: () => look() === synchronisedAfter,
    synchronise(storeNow, sentAt, receivedAt, before = look()) {
      if (look() !== before) return;
      if (before !== synchronisedAfter) samples.length = 0;
      synchronisedAfter = before;
      apart = distance();
      samples.push({
        offset: storeNow - (sentAt + receivedAt) / 2,
        roundTrip: receivedAt - sentAt,
      });
      if (samples.length > KEPT_SAMPLES) samples.shift();
      offset = samples.reduce((a, b) => (b.roundTrip <= a.roundTrip ? b : a)).offset;
    },
  };
};
