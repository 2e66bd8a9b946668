/** Runs work while no other tab of this origin runs work of the same lock. */
export type RefreshLock = (work: () => Promise<void>) => Promise<void>;

/** The part of the Web Locks API that is used; `navigator.locks` in browsers. */
export interface Locks {
  request(name: string, work: () => Promise<void>): Promise<unknown>;
}

/**
 * A lock over all tabs where Web Locks exist (secure contexts), else none:
 * the server's grace time then covers two tabs that refresh at once.
 */
export function createRefreshLock(name: string, locks: Locks | null): RefreshLock {
  if (locks === null) return (work) => work();
  return async (work) => {
    let isHeld = false;
    try {
      await locks.request(name, () => {
        isHeld = true;
        return work();
      });
    } catch (error) {
      if (isHeld) throw error;
      // Frames without storage have the API and are refused its use.
      await work();
    }
  };
}
