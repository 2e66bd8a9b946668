import type { Logger } from "../telemetry/logger.js";

/** Resolves when the process is told to stop. Told a second time, it ends at once. */
export const untilTold = (logger: Logger): Promise<void> =>
  new Promise((resolve) => {
    let told = false;
    const listener = (signal: NodeJS.Signals) => {
      if (told) process.exit(1);
      told = true;
      logger.info({ signal }, "stopping");
      resolve();
    };
    process.on("SIGTERM", listener);
    process.on("SIGINT", listener);
  });
