import type { Locks } from "../../../src/client/refresh_lock.js";

/** Web Locks for Node 20, which has none: one holder of a name at a time, first come first served. */
export function createQueuedLocks(): Locks {
  const tails = new Map<string, Promise<unknown>>();
  return {
    request(name, work) {
      const result = (tails.get(name) ?? Promise.resolve()).then(() => work());
      tails.set(
        name,
        result.catch(() => undefined),
      );
      return result;
    },
  };
}
