import type { Logger } from "./logger.js";

/**
 * Sends what Node and libraries warn of (`process.emitWarning`) to the log. Node
 * would write it to stderr as text of several lines, and what a library puts in
 * it may be secret (D6). Concerns the whole process, so call it once, first thing.
 */
export const routeWarnings = (logger: Pick<Logger, "warn">): void => {
  // Node's own printer, which is such a listener.
  process.removeAllListeners("warning");
  process.noDeprecation = false;
  process.on("warning", (warning) => logger.warn({ err: warning }, "a warning of the runtime"));
};
