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

/** Runs a job when its turn comes, or rejects with the error of `onBusy`. */
export type BoundedRunner = <T>(job: () => Promise<T>) => Promise<T>;

interface Waiter {
  readonly start: () => void;
  readonly timer: NodeJS.Timeout;
}

/** Runs few jobs at once, lets few wait in order of arrival, and turns the rest away. */
export function createBoundedRunner({
  concurrency,
  maxQueue,
  maxWaitMs,
  onBusy,
}: Bounds): BoundedRunner {
  const waiting: Waiter[] = [];
  let running = 0;

  function enter(): Promise<void> | undefined {
    if (running < concurrency) {
      running += 1;
      return undefined;
    }
    if (waiting.length >= maxQueue) {
      throw onBusy(maxWaitMs);
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(waiter), 1);
        reject(onBusy(maxWaitMs));
      }, maxWaitMs);
      const waiter = { start: resolve, timer };
      waiting.push(waiter);
    });
  }

  // A place is handed to the next in line, so that a newcomer cannot slip in between.
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) {
      running -= 1;
      return;
    }
    clearTimeout(next.timer);
    next.start();
  }

  return async (job) => {
    await enter();
    try {
      return await job();
    } finally {
      leave();
    }
  };
}
