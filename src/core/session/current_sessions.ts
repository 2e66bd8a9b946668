import type { SessionStore } from "../ports/session_store.js";
import type { CacheLease } from "../revocation/cache_lease.js";
import { AWAIT_REVOKED_MS } from "../validation/session_check.js";
import type { WithRecentActivity } from "./recent_activity.js";
import type { Session } from "./session.js";

/**
 * Sessions out of the store as they may be shown: with uses that have not
 * reached it yet, and ended only when that is in force on every replica, since
 * after one call has said "ended" none says otherwise (L2). Rejects with
 * DEPENDENCY_UNAVAILABLE when that is not certain.
 */
export type CurrentSessions = (sessions: readonly Session[]) => Promise<Session[]>;

export const currentSessions =
  (deps: {
    store: SessionStore;
    cacheLease: CacheLease;
    withRecentActivity: WithRecentActivity;
  }): CurrentSessions =>
  async (sessions) => {
    const ended = sessions.filter(({ end }) => end);
    if (ended.length > 0) {
      const certain = new Set(await deps.store.invalidatedAmong(ended.map(({ id }) => id)));
      const open = ended.filter(({ id }) => !certain.has(id));
      await deps.cacheLease.awaitRevoked(
        open.map((session) => ({ sessionId: session.id, ...session })),
        AWAIT_REVOKED_MS,
      );
    }
    return deps.withRecentActivity(sessions);
  };
