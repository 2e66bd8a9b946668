import type { UnansweredLogins } from "../login/unanswered_logins.js";
import type { Clock } from "../ports/clock.js";
import type { SessionStore } from "../ports/session_store.js";
import type { CacheLease } from "../revocation/cache_lease.js";
import type { CoreSettings } from "../settings.js";
import type { WithRecentActivity } from "./recent_activity.js";
import { timedOut } from "./session.js";
import { overLimit } from "./session_limit.js";

/** Users looked at in one statement. */
const USERS = 1000;
/** Small, so that other work does not wait long for the locks of a batch. */
const BATCH = 200;

/**
 * Ends the sessions over the limit after `MAX_CONCURRENT_SESSIONS` was lowered (N1): logins keep to the limit
 * themselves. Each user's are chosen under the user's lock, as a login chooses, in small batches. Resolves to how many
 * were ended. Rejects with DEPENDENCY_UNAVAILABLE if the revocations are not certain on every replica; they are
 * finished in the background (L4).
 */
export const enforceLimit =
  (deps: {
    store: SessionStore;
    cacheLease: Pick<CacheLease, "awaitRevoked">;
    unanswered: Pick<UnansweredLogins, "includes">;
    withRecentActivity: WithRecentActivity;
    clock: Clock;
    settings: CoreSettings;
  }) =>
  async (): Promise<number> => {
    const { store, cacheLease, unanswered, clock } = deps;
    const { maxSessions, limitPolicy, idleTimeoutMs, consistencyTimeoutMs } = deps.settings;

    const endBatchOf = async (userId: string): Promise<number> => {
      const ended = await store.transaction(async (tx) => {
        await tx.lockUser(userId);
        const open = (await tx.lockOpenSessionsOf(userId)).filter(({ actor }) => !actor);
        const now = clock.now();
        // Others count against no limit, and the cleanup ends them.
        const live = (await deps.withRecentActivity(open)).filter(
          (session) =>
            timedOut(session, now, idleTimeoutMs) === undefined &&
            !unanswered.includes(session, now),
        );
        const over = overLimit(live, maxSessions, limitPolicy).slice(0, BATCH);
        return tx.revokeSessions(
          over.map(({ id }) => ({
            sessionId: id,
            reason: "SESSION_LIMIT",
            at: now,
            by: "system",
          })),
        );
      });
      await cacheLease.awaitRevoked(
        ended.map((session) => ({ sessionId: session.id, ...session })),
        consistencyTimeoutMs,
      );
      return ended.length;
    };

    let total = 0;
    for (let after: string | undefined; ; ) {
      const users = await store.openSessionsByUser(after, USERS);
      for (const { userId, open } of users) {
        if (open <= maxSessions) continue;
        let ended: number;
        do {
          ended = await endBatchOf(userId);
          total += ended;
        } while (ended === BATCH);
      }
      if (users.length < USERS) return total;
      after = users.at(-1)?.userId;
    }
  };
