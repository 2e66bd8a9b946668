import type { Logger } from "./logger.js";

/**
 * Sends what nobody has caught to the log. Node would write it to stderr as
 * text of several lines, and what is in it may be secret (D6). Concerns the
 * whole process, so call it once, first thing.
 *
 * A promise that nobody waited for has failed alone: the process goes on. After
 * an exception anything may be half done: the process ends with code 1, and
 * whoever oversees it starts another.
 */
export const routeFailures = (logger: Pick<Logger, "error" | "fatal">): void => {
  process.on("unhandledRejection", (err) => logger.error({ err }, "a failure nobody waited for"));
  process.on("uncaughtException", (err) => {
    logger.fatal({ err }, "a failure nobody caught, ending");
    process.exit(1);
  });
};
