import { setTimeout as sleep } from "node:timers/promises";

/** The least time from the end of one collection to the beginning of the next, in milliseconds. */
const MIN_INTERVAL_MS = 50;

/**
 * Lets any number of requests share the collection of metrics, which takes
 * milliseconds of the event loop: each gets one that began after its question,
 * and there are at most 20 a second.
 */
export const createSharedRender = (render: () => Promise<string>): (() => Promise<string>) => {
  let upcoming: Promise<string> | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let endedAt = Number.NEGATIVE_INFINITY;

  const renderNext = async (): Promise<string> => {
    // A failure of that one was answered to those that asked for it.
    await running.catch(() => undefined);
    const waitMs = endedAt + MIN_INTERVAL_MS - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    upcoming = undefined;
    const rendered = render().finally(() => {
      endedAt = performance.now();
    });
    running = rendered;
    return rendered;
  };

  return () => {
    upcoming ??= renderNext();
    return upcoming;
  };
};
