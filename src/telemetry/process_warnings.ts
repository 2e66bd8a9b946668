import type { Logger } from "./logger.js";

/**
 * Sends warnings of Node and libraries (`process.emitWarning`) to the log. Node would write them to stderr as text of
 * several lines, and they may hold secrets (D6). Affects the whole process, so call it once, first.
 */
export const routeWarnings = (logger: Pick<Logger, "warn">): void => {
  // Node's own printer, which is such a listener.
  process.removeAllListeners("warning");
  process.noDeprecation = false;
  process.on("warning", (warning) => logger.warn({ err: warning }, "a warning of the runtime"));
};
