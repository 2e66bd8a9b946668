import { fail } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { HotAnswer, HotEntry, HotStore, Lease } from "../ports/hot_store.js";
import type { SessionStatus, SessionStore } from "../ports/session_store.js";
import type { CacheLease } from "../revocation/cache_lease.js";
import type { ActivityLog } from "../session/activity_log.js";
import { idleTimeoutOf, timedOut } from "../session/session.js";
import { endedVerdict } from "./verdict.js";

/** How long an answer "ended" may wait until no replica says otherwise (L2). Milliseconds. */
export const AWAIT_REVOKED_MS = 200;

/**
 * Whether a session is live at this moment: from the hot store where that is
 * known to be complete, else from Postgres. `touchAt` counts as a use of the
 * session; 0 does not.
 *
 * Rejects with the verdict on a session that is not live, and with
 * DEPENDENCY_UNAVAILABLE when nothing is certain.
 */
export type SessionCheck = (sessionId: string, touchAt: number) => Promise<HotEntry>;

export const sessionCheck = (deps: {
  hot: Pick<HotStore, "check" | "fill" | "invalidate">;
  cacheLease: Pick<CacheLease, "lease" | "holds" | "suspend" | "awaitRevoked">;
  store: Pick<SessionStore, "transaction">;
  /** `store.sessionStatuses`, gathered over one event-loop turn. */
  sessionStatus: (sessionId: string) => Promise<SessionStatus | undefined>;
  activity: ActivityLog;
  clock: Clock;
  idleTimeoutMs: number;
}): SessionCheck => {
  const { hot, cacheLease, store, sessionStatus, activity, clock, idleTimeoutMs } = deps;

  /** Ends a session that has timed out, unless it was used after all. Resolves to the use, if so. */
  const recordTimeout = async (sessionId: string, lastActivityAt: number): Promise<number> => {
    const outcome = await store.transaction(async (tx) => {
      const session = await tx.lockSession(sessionId);
      if (session === undefined) throw fail("SESSION_REVOKED_OR_INVALID");
      if (session.end) return { ended: session };
      const lastUse = Math.max(session.lastActivityAt, lastActivityAt);
      const now = clock.now();
      const reason = timedOut({ ...session, lastActivityAt: lastUse }, now, idleTimeoutMs);
      if (reason === undefined) return { lastUse };
      const at = Math.min(
        now,
        reason === "EXPIRED" ? session.expiresAt : lastUse + idleTimeoutOf(session, idleTimeoutMs),
      );
      const [ended] = await tx.revokeSessions([{ sessionId, reason, at, by: "system" }]);
      return { ended };
    });
    if (outcome.ended === undefined) return outcome.lastUse ?? lastActivityAt;
    const { id, userId, end, accessExpiresAt } = outcome.ended;
    await cacheLease.awaitRevoked(
      [{ sessionId: id, userId, end, accessExpiresAt }],
      AWAIT_REVOKED_MS,
    );
    throw end ? endedVerdict(end) : fail("SESSION_REVOKED_OR_INVALID");
  };

  const askPrimaryStore = async (
    sessionId: string,
    touchAt: number,
    hotActivityAt: number,
  ): Promise<HotEntry> => {
    const found = await sessionStatus(sessionId);
    if (found === undefined) throw fail("SESSION_REVOKED_OR_INVALID");
    const { session, user } = found;
    if (session.end) {
      const change = { sessionId, ...session };
      if (found.pendingInvalidation) await cacheLease.awaitRevoked([change], AWAIT_REVOKED_MS);
      // Stored for the next validation. If storing fails, the next one asks Postgres again.
      else if (cacheLease.lease(sessionId))
        hot.invalidate([change]).catch(() => cacheLease.suspend(sessionId));
      throw endedVerdict(session.end);
    }
    let lastActivityAt = Math.max(
      session.lastActivityAt,
      hotActivityAt,
      activity.pending(sessionId),
    );
    if (timedOut({ ...session, lastActivityAt }, clock.now(), idleTimeoutMs) !== undefined)
      lastActivityAt = await recordTimeout(sessionId, lastActivityAt);
    return {
      sessionId,
      userId: session.userId,
      username: user.username,
      roles: user.roles,
      expiresAt: session.expiresAt,
      lastActivityAt: Math.max(lastActivityAt, touchAt),
      ...(session.idleTimeoutMs !== undefined && { idleTimeoutMs: session.idleTimeoutMs }),
    };
  };

  /** Handles a cache miss: reads Postgres, and fills the hot store. */
  const resolveCacheMiss = async (
    sessionId: string,
    touchAt: number,
    cacheMiss?: { readonly lease: Lease; readonly answer: HotAnswer },
  ): Promise<HotEntry> => {
    const unknown = cacheMiss?.answer.kind === "unknown" ? cacheMiss.answer : undefined;
    const entry = await askPrimaryStore(sessionId, touchAt, unknown?.lastActivityAt ?? 0);
    if (touchAt !== 0) activity.record(sessionId, touchAt);
    const isRemembered = entry.idleTimeoutMs === undefined;
    if (isRemembered && cacheMiss !== undefined && unknown?.fillToken !== undefined)
      hot
        .fill(entry, unknown.fillToken, cacheMiss.lease)
        .catch(() => cacheLease.suspend(sessionId));
    return entry;
  };

  // The path of almost every call, with one promise more than the hot store's own.
  return (sessionId, touchAt) => {
    const lease = cacheLease.lease(sessionId);
    if (lease === undefined) return resolveCacheMiss(sessionId, touchAt);
    return hot.check({ sessionId, now: clock.now(), touchAt }, lease).then(
      (answer) => {
        // Both verdicts need the lease: without it, another replica may call the session
        // live out of another server (L2).
        if (answer.kind !== "unknown" && cacheLease.holds(lease, sessionId)) {
          if (answer.kind === "ended") throw endedVerdict(answer.end);
          if (touchAt !== 0) activity.record(sessionId, touchAt);
          return answer.entry;
        }
        return resolveCacheMiss(sessionId, touchAt, { lease, answer });
      },
      () => {
        cacheLease.suspend(sessionId);
        return resolveCacheMiss(sessionId, touchAt);
      },
    );
  };
};
