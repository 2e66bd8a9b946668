import { setTimeout as wait } from "node:timers/promises";
import { isUndecided } from "../core/errors.js";

const PATIENCE_MS = 15_000;
const AGAIN_AFTER_MS = 100;

/**
 * Runs work that a start requires, and repeats it if a store is too slow to answer at first: limits that suit a call
 * are tight for a cold start. `work` must be safe to repeat.
 */
export const retryUntilAvailable = async <T>(work: () => Promise<T>): Promise<T> => {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isUndecided(error) || performance.now() >= deadline) throw error;
      await wait(AGAIN_AFTER_MS);
    }
  }
};
