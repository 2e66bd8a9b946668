/** How questions are gathered into runs. */
export interface PerTurnOptions<Item, Result> {
  /** Answers the items of one run: one result for each, in their order. */
  readonly run: (items: Item[]) => Promise<readonly Result[]>;
  /** Most items of one run; more are split over several. */
  readonly maxBatch: number;
  /** Most runs under way at once; meanwhile items gather for the next. */
  readonly maxInFlight: number;
  /** Calls back when the event-loop turn is over, for example `setImmediate`. */
  readonly schedule: (flush: () => void) => void;
  /** How many items may wait for their run, and what the rest are rejected with, at once. */
  readonly limit?: { readonly maxWaiting: number; readonly error: () => Error };
}

/** Items that share a run, with the two ends of each one's promise. */
interface Batch<Item, Result> {
  readonly items: Item[];
  readonly resolves: ((result: Result) => void)[];
  readonly rejects: ((cause: unknown) => void)[];
}

/**
 * Gathers all items asked about in one event-loop turn into one run. When a run
 * rejects, exactly its items reject, with the same error.
 *
 * The returned function is meant for the hottest paths: an item costs its
 * promise and three array slots.
 */
export const perTurn = <Item, Result>(
  options: PerTurnOptions<Item, Result>,
): ((item: Item) => Promise<Result>) => {
  const { run, maxBatch, maxInFlight, schedule, limit } = options;
  if (!(maxBatch >= 1 && maxInFlight >= 1))
    throw new RangeError("perTurn: maxBatch and maxInFlight must be at least 1");
  const maxWaiting = limit?.maxWaiting ?? Number.POSITIVE_INFINITY;
  /** Batches not under way, in order; only the last has room. */
  const waiting: Batch<Item, Result>[] = [];
  let filling = emptyBatch<Item, Result>();
  let waitingItems = 0;
  let inFlight = 0;
  let scheduled = false;

  const launch = async ({ items, resolves, rejects }: Batch<Item, Result>): Promise<void> => {
    inFlight += 1;
    waitingItems -= items.length;
    // A run may keep or change the array it was given.
    const asked = items.length;
    try {
      const results = await run(items);
      if (results.length !== asked)
        throw new Error(`perTurn: a run of ${asked} items gave ${results.length} results`);
      results.forEach((result, i) => {
        resolves[i]?.(result);
      });
    } catch (cause) {
      for (const reject of rejects) reject(cause);
    }
    inFlight -= 1;
    wake();
  };

  const flush = (): void => {
    scheduled = false;
    while (inFlight < maxInFlight) {
      const batch = waiting.shift();
      if (batch === undefined) return;
      if (batch === filling) filling = emptyBatch();
      void launch(batch);
    }
  };

  /** Has a flush scheduled, unless one is or the end of a run will see to it. */
  const wake = (): void => {
    if (scheduled || inFlight >= maxInFlight || waiting.length === 0) return;
    scheduled = true;
    schedule(flush);
  };

  // One executor for all promises, so that an item costs no closure of its own.
  const join = (resolve: (result: Result) => void, reject: (cause: unknown) => void): void => {
    filling.resolves.push(resolve);
    filling.rejects.push(reject);
  };

  return (item) => {
    if (waitingItems >= maxWaiting && limit) return Promise.reject(limit.error());
    if (filling.items.length >= maxBatch) filling = emptyBatch();
    if (filling.items.push(item) === 1) waiting.push(filling);
    waitingItems += 1;
    const answer = new Promise<Result>(join);
    wake();
    return answer;
  };
};

const emptyBatch = <Item, Result>(): Batch<Item, Result> => ({
  items: [],
  resolves: [],
  rejects: [],
});
