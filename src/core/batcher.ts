/** How questions are gathered into runs. */
export interface BatcherOptions<Item, Result> {
  /** Answers the items of one run: one result for each, in their order. */
  readonly run: (items: Item[]) => Promise<readonly Result[]>;
  /** Most items of one run; more are split over several. */
  readonly maxBatch: number;
  /** Most runs under way at once; meanwhile items gather for the next. */
  readonly maxInFlight: number;
  /** Calls back when the event-loop turn is over, for example `setImmediate`. */
  readonly schedule: (flush: () => void) => void;
  /** Whether a run that rejects takes along all that wait for theirs: they would ask the same that failed. */
  readonly failTogether?: boolean;
  /** The maximum number of items that may wait for their run. Further items are rejected with `error` at once. */
  readonly limit?: { readonly maxWaiting: number; readonly error: () => Error };
}

/** Queues an item, or many at once, and resolves to their results. */
export interface Batcher<Item, Result> {
  (item: Item): Promise<Result>;
  /** Resolves to the results of all, in their order, for one promise; rejects as soon as one of their runs does. */
  all(items: readonly Item[]): Promise<Result[]>;
}

type Take<Result> = (result: Result, place: number) => void;
type Fail = (cause: unknown) => void;

/** Items that share a run, with who waits for each one's result, and as which of theirs. */
interface Batch<Item, Result> {
  readonly items: Item[];
  readonly takes: Take<Result>[];
  readonly places: number[];
  readonly fails: Fail[];
}

/**
 * Gathers all items asked about in one event-loop turn into one run. When a run
 * rejects, its items reject with the same error, and no others unless they are
 * to fail together.
 *
 * The returned function is meant for the hottest paths: an item costs its
 * promise and four array slots, one of many only the slots.
 */
export const createBatcher = <Item, Result>(
  options: BatcherOptions<Item, Result>,
): Batcher<Item, Result> => {
  const { run, maxBatch, maxInFlight, schedule, limit } = options;
  if (!(maxBatch >= 1 && maxInFlight >= 1))
    throw new RangeError("createBatcher: maxBatch and maxInFlight must be at least 1");
  const maxWaiting = limit?.maxWaiting ?? Number.POSITIVE_INFINITY;
  /** Batches not under way, in order; only the last has room. */
  const waiting: Batch<Item, Result>[] = [];
  let filling = emptyBatch<Item, Result>();
  let waitingItems = 0;
  let inFlight = 0;
  let scheduled = false;

  const launch = async ({ items, takes, places, fails }: Batch<Item, Result>): Promise<void> => {
    inFlight += 1;
    waitingItems -= items.length;
    // A run may keep or change the array it was given.
    const asked = items.length;
    try {
      const results = await run(items);
      if (results.length !== asked)
        throw new Error(`createBatcher: a run of ${asked} items gave ${results.length} results`);
      results.forEach((result, i) => {
        takes[i]?.(result, places[i] ?? 0);
      });
    } catch (cause) {
      for (const fail of fails) fail(cause);
      if (options.failTogether) failWaiting(cause);
    }
    inFlight -= 1;
    wake();
  };

  const failWaiting = (cause: unknown): void => {
    for (const { fails } of waiting.splice(0)) for (const fail of fails) fail(cause);
    filling = emptyBatch();
    waitingItems = 0;
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

  const place = (item: Item): void => {
    if (filling.items.length >= maxBatch) filling = emptyBatch();
    if (filling.items.push(item) === 1) waiting.push(filling);
    waitingItems += 1;
  };

  const wait = (take: Take<Result>, fail: Fail, at: number): void => {
    filling.takes.push(take);
    filling.fails.push(fail);
    filling.places.push(at);
  };
  // One executor for all promises, so that an item costs no closure of its own.
  const join = (resolve: Take<Result>, reject: Fail): void => wait(resolve, reject, 0);

  const tooMany = (count: number): Error | undefined =>
    limit && waitingItems + count > maxWaiting ? limit.error() : undefined;

  const one = (item: Item): Promise<Result> => {
    const refusal = tooMany(1);
    if (refusal !== undefined) return Promise.reject(refusal);
    place(item);
    const answer = new Promise<Result>(join);
    wake();
    return answer;
  };

  const all = (items: readonly Item[]): Promise<Result[]> => {
    if (items.length === 0) return Promise.resolve([]);
    const refusal = tooMany(items.length);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const results = new Array<Result>(items.length);
      let open = items.length;
      const take: Take<Result> = (result, at) => {
        results[at] = result;
        open -= 1;
        if (open === 0) resolve(results);
      };
      items.forEach((item, at) => {
        place(item);
        wait(take, reject, at);
      });
      wake();
    });
  };

  return Object.assign(one, { all });
};

const emptyBatch = <Item, Result>(): Batch<Item, Result> => ({
  items: [],
  takes: [],
  places: [],
  fails: [],
});
