import type { ActivityLog } from "./activity_log.js";
import type { HotTrust } from "./hot_trust.js";
import type { HotAsk, HotEntry, HotStore } from "./ports/hot_store.js";

/**
 * Those of many sessions that the hot store, as far as it may be believed,
 * knows to be live at this moment; each is used then. Undefined for any other:
 * only SessionCheck says what it is. Never rejects.
 */
export type LiveSessions = (asks: readonly HotAsk[]) => Promise<(HotEntry | undefined)[]>;

export const liveSessions = (deps: {
  hot: Pick<HotStore, "checkAll">;
  trust: Pick<HotTrust, "lease" | "holds" | "suspect">;
  activity: ActivityLog;
}): LiveSessions => {
  const { hot, trust, activity } = deps;
  return async (asks) => {
    const lease = trust.lease();
    if (lease === undefined) return asks.map(() => undefined);
    const answers = await hot.checkAll(asks, lease).catch(() => {
      trust.suspect();
      return [];
    });
    const isTrusted = trust.holds(lease);
    return asks.map(({ sessionId, touchAt }, i) => {
      const answer = answers[i];
      if (!isTrusted || answer?.kind !== "live") return undefined;
      if (touchAt !== 0) activity.record(sessionId, touchAt);
      return answer.entry;
    });
  };
};
