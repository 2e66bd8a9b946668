/** Runs work while no other tab of this origin runs work of the same lock, as far as that can be had in time. */
export type RefreshLock = (work: () => Promise<void>) => Promise<void>;

/** The part of the Web Locks API that is used; `navigator.locks` in browsers. */
export interface Locks {
  request(name: string, work: () => Promise<void>): Promise<unknown>;
}

/**
 * How long to wait for another tab, in ms. The tab that holds the lock may be
 * suspended. The wait is less than half the server's grace time, in which a
 * second refresh gets the same tokens as the first.
 */
const LONGEST_WAIT = 4000;

/**
 * A lock over all tabs where Web Locks exist (secure contexts). Where they do
 * not, are refused, or are held for too long, the work runs without.
 */
export function createRefreshLock(name: string, locks: Locks | null): RefreshLock {
  if (locks === null) return (work) => work();
  return (work) =>
    new Promise((resolve, reject) => {
      let running: Promise<void> | undefined;
      const run = () => {
        clearTimeout(timer);
        // A lock that comes too late is given back.
        if (running) return Promise.resolve();
        running = work();
        running.then(resolve, reject);
        // Its failure is the caller's, not the lock's.
        return running.catch(() => undefined);
      };
      const timer = setTimeout(run, LONGEST_WAIT);
      // Frames without storage have the API and are refused its use.
      const refused = () => void run();
      try {
        locks.request(name, run).catch(refused);
      } catch {
        refused();
      }
    });
}
