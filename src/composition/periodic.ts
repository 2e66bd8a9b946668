import type { Logger } from "../telemetry/logger.js";

/** Background work that runs until it is stopped. */
export interface Periodic {
  stop(): void;
}

/** What failed is tried again this soon at the latest, in milliseconds: a store may be back. */
const RETRY_MS = 2000;

/**
 * Runs `work` again and again, `everyMs` after it last ended, sooner if it
 * failed; for the first time after `firstAfterMs`. A failure is logged when it begins and when it is over, not each time.
 */
export const periodically = (
  name: string,
  everyMs: number,
  work: () => Promise<unknown>,
  logger: Logger,
  firstAfterMs = everyMs,
): Periodic => {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let failing = false;
  const round = async (): Promise<void> => {
    try {
      await work();
      if (failing) logger.info(`${name} works again`);
      failing = false;
    } catch (error) {
      if (!failing && !stopped) logger.warn({ err: error }, `${name} failed, trying again`);
      failing = true;
    }
    if (!stopped) timer = setTimeout(round, failing ? Math.min(RETRY_MS, everyMs) : everyMs);
  };
  timer = setTimeout(round, firstAfterMs);
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
};
