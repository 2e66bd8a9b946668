/** Lets a few callers continue in each turn of the event loop. */
export type Turns = () => Promise<void>;

export interface TurnsOptions {
  /** Calls back when the turn is over, for example `setImmediate`. */
  readonly schedule: (task: () => void) => void;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
  /** The least number of callers that continue in one turn. */
  readonly maxPerTurn: number;
  /** About how long each of them takes, in milliseconds. */
  readonly eachMs: number;
}

/**
 * Spreads work that becomes ready all at once over turns of the event loop, in order: between two turns the requests of
 * other callers are read and answered (O2). After a turn in which other work took long, as many callers continue as
 * take the same time: a storm of new requests does not delay the answers to requests that are almost done.
 */
export const createTurns = (options: TurnsOptions): Turns => {
  const { schedule, monotonic, maxPerTurn, eachMs } = options;
  let waiting: (() => void)[] = [];
  let isScheduled = false;
  let scheduledAt = 0;

  const next = (): void => {
    isScheduled = false;
    const places = Math.max(maxPerTurn, Math.floor((monotonic() - scheduledAt) / eachMs));
    const ready = waiting.slice(0, places);
    waiting = waiting.slice(places);
    for (const proceed of ready) proceed();
    wake();
  };
  const wake = (): void => {
    if (isScheduled || waiting.length === 0) return;
    isScheduled = true;
    scheduledAt = monotonic();
    schedule(next);
  };

  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      wake();
    });
};
