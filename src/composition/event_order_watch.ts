import type { AuditLog } from "../core/ports/audit_log.js";
import type { Logger } from "../telemetry/logger.js";
import type { Metrics } from "../telemetry/metrics.js";

/** Longer than any transaction of ours lasts, in milliseconds. */
const TOO_LONG_MS = 15_000;

/**
 * Reports for how long the order of events has been waiting: as a metric, and in the log when the wait is too long and
 * when it is over. The caller calls the returned function at regular intervals.
 */
export const watchEventOrder = (
  audit: Pick<AuditLog, "heldUp">,
  logger: Logger,
  metrics: Metrics,
): (() => void) => {
  metrics.jobs.watchEventOrder(() => (audit.heldUp()?.forMs ?? 0) / 1000);
  let isTold = false;
  return () => {
    const heldUp = audit.heldUp();
    const isTooLong = heldUp !== undefined && heldUp.forMs >= TOO_LONG_MS;
    if (isTooLong && !isTold)
      logger.warn(
        { seconds: Math.round(heldUp.forMs / 1000), pids: heldUp.pids },
        "a transaction that has written to audit_events stays open: WatchSessionEvents and the " +
          "detection of patterns wait for it. Look for these pids in pg_stat_activity.",
      );
    if (!isTooLong && isTold && heldUp === undefined)
      logger.info("security events are followed again");
    isTold = isTooLong || (isTold && heldUp !== undefined);
  };
};
