export interface Bounds {
  /** How many jobs run at once. */
  readonly concurrency: number;
  /** How many may wait. */
  readonly maxQueue: number;
  /** How long one may wait, in milliseconds. */
  readonly maxWaitMs: number;
  /** Makes the error for a job that is turned away. By `retryAfterMs` today's queue is gone. */
  readonly onBusy: (retryAfterMs: number) => Error;
}

/**
 * Runs a job when its turn comes, or rejects with the error of `onBusy`.
 *
 * @param source whose job it is; sources take turns
 */
export type BoundedRunner = <T>(job: () => Promise<T>, source?: string) => Promise<T>;

interface Waiter {
  readonly start: () => void;
  readonly refuse: () => void;
}

/** Jobs that wait: of each source in order of arrival, and the sources by turns. */
class FairWaitingLine {
  readonly #bySource = new Map<string, Waiter[]>();
  size = 0;

  add(source: string, waiter: Waiter): void {
    const own = this.#bySource.get(source);
    if (own === undefined) this.#bySource.set(source, [waiter]);
    else own.push(waiter);
    this.size += 1;
  }

  remove(source: string, waiter: Waiter): void {
    const own = this.#bySource.get(source);
    const at = own?.indexOf(waiter) ?? -1;
    if (own === undefined || at < 0) return;
    own.splice(at, 1);
    if (own.length === 0) this.#bySource.delete(source);
    this.size -= 1;
  }

  /** The next job, whose source is then behind all others. */
  take(): Waiter | undefined {
    for (const [source, own] of this.#bySource) {
      const next = own.shift();
      this.#bySource.delete(source);
      if (own.length > 0) this.#bySource.set(source, own);
      this.size -= 1;
      return next;
    }
    return undefined;
  }

  /** The newest job of the source that has the most, if `source` stays well below it. */
  takeFromLargest(source: string): Waiter | undefined {
    let largest: [string, Waiter[]] | undefined;
    for (const entry of this.#bySource)
      if (entry[1].length > (largest?.[1].length ?? 0)) largest = entry;
    const own = this.#bySource.get(source)?.length ?? 0;
    const newest = largest && largest[1].length > own + 1 ? largest[1].at(-1) : undefined;
    if (largest && newest) this.remove(largest[0], newest);
    return newest;
  }
}

/**
 * Runs few jobs at once, lets few wait, and turns the rest away. Sources take
 * turns, and a source with few jobs takes the place of one with many, so a flood
 * from one source neither delays nor turns away the others (D10).
 */
export function createBoundedRunner({
  concurrency,
  maxQueue,
  maxWaitMs,
  onBusy,
}: Bounds): BoundedRunner {
  const waiting = new FairWaitingLine();
  let running = 0;

  function enter(source: string): Promise<void> | undefined {
    if (running < concurrency) {
      running += 1;
      return undefined;
    }
    if (waiting.size >= maxQueue) {
      const displaced = waiting.takeFromLargest(source);
      if (displaced === undefined) throw onBusy(maxWaitMs);
      displaced.refuse();
    }
    return new Promise((resolve, reject) => {
      const refuse = (): void => {
        clearTimeout(timer);
        reject(onBusy(maxWaitMs));
      };
      const timer = setTimeout(() => {
        waiting.remove(source, waiter);
        refuse();
      }, maxWaitMs);
      const start = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const waiter = { start, refuse };
      waiting.add(source, waiter);
    });
  }

  // A place is handed to the next in line, so that a newcomer cannot slip in between.
  function leave(): void {
    const next = waiting.take();
    if (next === undefined) running -= 1;
    else next.start();
  }

  return async (job, source = "") => {
    await enter(source);
    try {
      return await job();
    } finally {
      leave();
    }
  };
}
