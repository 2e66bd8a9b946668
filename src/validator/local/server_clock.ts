/**
 * What this process knows of Curfew's clock: bounds, never a guess.
 *
 * Let `o` be the offset that converts a time of Curfew's clock (milliseconds since the epoch) to this process's
 * monotonic clock. A request sent at local time q and answered with a time s that Curfew read after the request arrived
 * proves o ≥ q − s. Any message that arrives at local time r and carries a time s proves o ≤ r − s. The delay and the
 * direction of the messages do not matter: a slow network only widens the bounds. (Marzullo; NTP's and TrueTime's
 * intervals use the same reasoning.)
 */
export interface ServerClock {
  /** A question sent at local `sentAt` was answered with `time`, read after it was sent. */
  answered(sentAt: number, time: number): void;
  /** Records that a message with `time` arrived at local `receivedAt`. */
  heard(receivedAt: number, time: number): void;
  /** The earliest local time that `time` can have been; -Infinity: nothing is known. */
  earliest(time: number, now: number): number;
  /** The latest that Curfew's clock can show at local `now`; Infinity: nothing is known. */
  latest(now: number): number;
  /** The earliest that it can show; -Infinity: nothing is known. */
  soonest(now: number): number;
}

/** The greatest drift between two clocks: 200 parts in a million, twice the usual tolerance of hardware. */
const DRIFT = 2e-4;
/** How far the clocks of two replicas may lie apart, in milliseconds (they follow Postgres's). */
const REPLICA_SKEW_MS = 20;

interface Bound {
  readonly offset: number;
  readonly at: number;
}

export const createServerClock = (): ServerClock => {
  let least: Bound | undefined;
  let most: Bound | undefined;

  const leastAt = (now: number): number =>
    least === undefined ? Number.NEGATIVE_INFINITY : least.offset - DRIFT * (now - least.at);
  const mostAt = (now: number): number =>
    most === undefined ? Number.POSITIVE_INFINITY : most.offset + DRIFT * (now - most.at);

  /** Bounds that exclude each other mean that a clock was set: discard the earlier bounds. */
  const isTorn = (now: number): boolean => leastAt(now) > mostAt(now) + 2 * REPLICA_SKEW_MS;

  return {
    answered(sentAt, time) {
      const offset = sentAt - time;
      if (offset >= leastAt(sentAt)) least = { offset, at: sentAt };
      if (isTorn(sentAt)) most = undefined;
    },
    heard(receivedAt, time) {
      const offset = receivedAt - time;
      if (offset <= mostAt(receivedAt)) most = { offset, at: receivedAt };
      if (isTorn(receivedAt)) least = undefined;
    },
    earliest: (time, now) => time + leastAt(now) - REPLICA_SKEW_MS,
    latest: (now) => now - leastAt(now) + REPLICA_SKEW_MS,
    soonest: (now) => now - mostAt(now) - REPLICA_SKEW_MS,
  };
};
