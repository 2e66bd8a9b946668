import cluster from "node:cluster";
import type { Logger } from "../telemetry/logger.js";

/**
 * Signals this close together are one telling, in milliseconds: a terminal
 * tells the whole group of processes, and npm passes on what it is told.
 */
const ONE_TELLING_MS = 1000;

/**
 * Resolves when the process is told to stop. Told again, it ends at once; but
 * not a worker, which may be told by systemd and by the process that oversees
 * it, and ends with that one.
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
