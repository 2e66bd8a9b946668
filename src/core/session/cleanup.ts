import { type Call, requireCaller } from "../call.js";
import type { UnansweredLogins } from "../login/unanswered_logins.js";
import { unansweredSweep } from "../login/unanswered_sweep.js";
import type { AuditLog } from "../ports/audit_log.js";
import type { Clock } from "../ports/clock.js";
import type { LoginThrottle } from "../ports/login_throttle.js";
import type { SessionStore } from "../ports/session_store.js";
import { type CoreSettings, toleratedActivityLossMs } from "../settings.js";
import type { WithRecentActivity } from "./recent_activity.js";
import { idleTimeoutOf, timedOut } from "./session.js";

/** Small, so that other work does not wait long for the locks of a batch. */
const BATCH = 200;
/** Activity may be on its way to Postgres for longer than usual after an outage. */
const SWEEP_MARGIN_MS = 10_000;
/** An exchange may take a while from the check of its token to the note of its use. */
const TOKEN_USE_MARGIN_MS = 300_000;

/**
 * Marks timed-out sessions as ended, and deletes ended ones that nothing needs
 * any more and security events past their retention, in small batches that any
 * number of cleaners share. Resolves to how many sessions were marked or deleted.
 */
export const cleanup =
  (deps: {
    store: SessionStore;
    audit: Pick<AuditLog, "deleteBefore">;
    throttle: LoginThrottle;
    unanswered: UnansweredLogins;
    withRecentActivity: WithRecentActivity;
    clock: Clock;
    settings: CoreSettings;
  }) =>
  async (call?: Call): Promise<number> => {
    const { store, clock, settings } = deps;
    const { consistencyTimeoutMs } = settings;
    const sweepUnanswered = unansweredSweep({ ...deps, consistencyTimeoutMs });
    const marginMs = SWEEP_MARGIN_MS + 2 * toleratedActivityLossMs(settings.idleTimeoutMs);

    /** Resolves to how many were looked at and how many of these had timed out. */
    const sweep = () =>
      store.transaction(async (tx) => {
        const now = clock.now();
        const due = await deps.withRecentActivity(await tx.lockDue(now, BATCH));
        const revocations = due.flatMap((session) => {
          const reason = timedOut(session, now - marginMs, settings.idleTimeoutMs);
          if (reason === undefined) return [];
          const at =
            reason === "EXPIRED"
              ? session.expiresAt
              : session.lastActivityAt + idleTimeoutOf(session, settings.idleTimeoutMs);
          return [{ sessionId: session.id, reason, at, by: "system" }];
        });
        const revocation = new Set(revocations.map(({ sessionId }) => sessionId));
        await tx.postponeChecks(
          due
            .filter(({ id }) => !revocation.has(id))
            .map((session) => ({
              sessionId: session.id,
              nextCheckAt:
                marginMs +
                Math.min(
                  session.expiresAt,
                  session.lastActivityAt + idleTimeoutOf(session, settings.idleTimeoutMs),
                ),
            })),
        );
        await tx.revokeSessions(revocations);
        return { seen: due.length, ended: revocations.length };
      }, call);

    requireCaller(call);
    await deps.throttle.prune();
    let cleaned = await sweepUnanswered(call);
    for (;;) {
      const { seen, ended } = await sweep();
      cleaned += ended;
      if (seen < BATCH) break;
    }
    for (;;) {
      requireCaller(call);
      const now = clock.now();
      const deleted = await store.deleteEnded(now - settings.retentionMs, now, BATCH);
      cleaned += deleted;
      if (deleted < BATCH) break;
    }
    const unacceptedSince = clock.now() - TOKEN_USE_MARGIN_MS;
    do requireCaller(call);
    while ((await store.deleteTokenUses(unacceptedSince, BATCH)) === BATCH);
    do requireCaller(call);
    while ((await store.forgetRequests(clock.now(), BATCH)) === BATCH);
    const oldestEvent = clock.now() - settings.auditRetentionMs;
    do requireCaller(call);
    while ((await deps.audit.deleteBefore(oldestEvent, BATCH)) === BATCH);
    return cleaned;
  };
