import type { Logger } from "./logger.js";

/**
 * Sends uncaught failures to the log. Node would write them to stderr as text of several lines, and they may hold
 * secrets (D6). Affects the whole process, so call it once, first.
 *
 * An unhandled rejection affects only its own work: the process continues. After an uncaught exception any work may be
 * half done: the process ends with code 1, and its supervisor starts another.
 */
export const routeFailures = (logger: Pick<Logger, "error" | "fatal">): void => {
  process.on("unhandledRejection", (err) => logger.error({ err }, "a failure nobody waited for"));
  process.on("uncaughtException", (err) => {
    logger.fatal({ err }, "a failure nobody caught, ending");
    process.exit(1);
  });
};
