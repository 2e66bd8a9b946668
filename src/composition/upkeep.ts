import type { Settings } from "../config/settings.js";
import type { AuditLog } from "../core/ports/audit_log.js";
import type { Clock } from "../core/ports/clock.js";
import type { JobLeases } from "../core/ports/job_leases.js";
import type { KeyStore } from "../core/ports/key_store.js";
import type { SessionCountStore, SessionCounts } from "../core/ports/session_counts.js";
import type { UseCases } from "../core/use_cases.js";
import { scheduledRotation } from "../crypto/scheduled_rotation.js";
import type { Logger } from "../telemetry/logger.js";
import type { Metrics } from "../telemetry/metrics.js";
import { watchEventOrder } from "./event_order_watch.js";
import { asLeader } from "./leader.js";
import { type Periodic, periodically } from "./periodic.js";
import { keyReloadMs, keyRotation } from "./signing.js";

/** Soon after the start, when calls are answered already. */
const FIRST_AFTER_MS = 500;
const PATTERNS_EVERY_MS = 1000;
const CLEANUP_EVERY_MS = 60_000;
const SESSION_COUNTS_EVERY_MS = 15_000;
const LIMIT_EVERY_MS = 60_000;
/** A job that reads all sessions is done less often where it takes long: at most this part of the time. */
const MAX_OF_TIME = 1 / 20;
/** Keys are looked at this often at least, and several times within the time of their publication. */
const KEYS_LOOKED_AT_EVERY_MS = 60_000;
/** How long a job stays with a replica that says nothing. */
const HOLD_MS = 60_000;

export interface UpkeepParts {
  readonly settings: Settings;
  readonly core: UseCases;
  readonly audit: AuditLog;
  readonly keys: KeyStore;
  readonly leases: JobLeases;
  readonly sessionCounts: SessionCountStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Does `work`, but nothing while it would take more than its part of the time. */
const sparingly = (clock: Clock, work: () => Promise<unknown>): (() => Promise<void>) => {
  let notBefore = 0;
  return async () => {
    const startedAt = clock.monotonic();
    if (startedAt < notBefore) return;
    await work();
    notBefore = startedAt + (clock.monotonic() - startedAt) / MAX_OF_TIME;
  };
};

/** The last count of all sessions, taken by one replica and read by this one. */
const countingSessions = ({ sessionCounts, leases, clock, settings, metrics }: UpkeepParts) => {
  let counts: SessionCounts | undefined;
  metrics.sessions.watchSessions(() => counts);
  const count = sparingly(clock, () =>
    sessionCounts.take({ now: clock.now(), idleTimeoutMs: settings.idleTimeoutMs }),
  );
  const take = asLeader(leases, "sessionCounts", HOLD_MS, count);
  return async (): Promise<void> => {
    await take();
    counts = await sessionCounts.read();
  };
};

/** Makes and retires keys when their time has come, if the settings say so. */
const rotatingKeys = ({ settings, keys, leases, clock, logger, metrics }: UpkeepParts) => {
  let inUse: { readonly use: string; readonly activeSince: number }[] = [];
  metrics.jobs.watchKeys(() => inUse);
  const look = async () => {
    inUse = (await keys.list())
      .filter(({ state }) => state === "active")
      .map(({ use, activatedAt, createdAt }) => ({ use, activeSince: activatedAt ?? createdAt }));
  };
  const rotate = scheduledRotation({
    rotation: keyRotation(settings, keys, clock),
    everyMs: settings.keyRotationMs,
    signingKeysFromFiles: settings.jwtKeysDir !== undefined,
    clock,
  });
  const act = asLeader(leases, "keys", HOLD_MS, async () => {
    for (const { kid, use, change } of await rotate()) {
      logger.info({ kid, use, change }, "a key was changed on schedule");
    }
  });
  return async (): Promise<void> => {
    await act();
    await look();
  };
};

/** The background work for all replicas together: each replica starts it, and one at a time does it. */
export const startUpkeep = (parts: UpkeepParts): Periodic[] => {
  const { core, leases, logger, metrics, settings } = parts;
  const job = (name: string, everyMs: number, work: () => Promise<void>): Periodic => {
    const counted = () =>
      work().then(
        () => metrics.jobs.countRun(name, true),
        (error: unknown) => {
          metrics.jobs.countRun(name, false);
          throw error;
        },
      );
    return periodically(`the job "${name}"`, everyMs, counted, logger, FIRST_AFTER_MS);
  };
  const cleanUp = asLeader(leases, "cleanup", HOLD_MS, async () => {
    metrics.jobs.countCleaned(await core.cleanup());
  });
  const enforceLimit = asLeader(
    leases,
    "sessionLimit",
    HOLD_MS,
    sparingly(parts.clock, async () => {
      const ended = await core.enforceLimit();
      if (ended > 0) logger.info({ ended }, "sessions over MAX_CONCURRENT_SESSIONS were ended");
    }),
  );
  const count = countingSessions(parts);
  const lookAtOrder = watchEventOrder(parts.audit, logger, metrics);
  const findPatterns = () => core.findPatterns().finally(lookAtOrder);
  return [
    job("patterns", PATTERNS_EVERY_MS, findPatterns),
    job("cleanup", CLEANUP_EVERY_MS, cleanUp),
    job("sessionLimit", LIMIT_EVERY_MS, enforceLimit),
    job("sessionCounts", SESSION_COUNTS_EVERY_MS, count),
    job("keys", Math.min(KEYS_LOOKED_AT_EVERY_MS, keyReloadMs(settings)), rotatingKeys(parts)),
  ];
};
