import type { HotTrust } from "./hot_trust.js";
import type { SessionStore } from "./ports/session_store.js";
import type { WithRecentActivity } from "./recent_activity.js";
import type { Session } from "./session.js";
import { SETTLE_MS } from "./session_check.js";

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
    trust: HotTrust;
    withRecentActivity: WithRecentActivity;
  }): CurrentSessions =>
  async (sessions) => {
    const ended = sessions.filter(({ end }) => end);
    if (ended.length > 0) {
      const certain = new Set(await deps.store.outOfReach(ended.map(({ id }) => id)));
      const open = ended.filter(({ id }) => !certain.has(id));
      await deps.trust.settle(
        open.map((session) => ({ sessionId: session.id, ...session })),
        SETTLE_MS,
      );
    }
    return deps.withRecentActivity(sessions);
  };
