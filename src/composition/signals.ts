import cluster from "node:cluster";
import type { Logger } from "../telemetry/logger.js";

/**
 * Signals within this time count as one, in milliseconds: a terminal signals the whole group of processes, and npm
 * forwards the signal that it receives.
 */
const ONE_TELLING_MS = 1000;

/**
 * Resolves when the process receives a stop signal. A second signal ends the process at once, except a worker: both
 * systemd and the overseeing process may signal a worker, and it ends with the overseeing process.
 */
export const untilTold = (logger: Logger): Promise<void> =>
  new Promise((resolve) => {
    let toldAt: number | undefined;
    const listener = (signal: NodeJS.Signals) => {
      const now = performance.now();
      if (toldAt !== undefined) {
        if (!cluster.isWorker && now - toldAt > ONE_TELLING_MS) process.exit(1);
        return;
      }
      toldAt = now;
      logger.info({ signal }, "stopping");
      resolve();
    };
    process.on("SIGTERM", listener);
    process.on("SIGINT", listener);
  });
