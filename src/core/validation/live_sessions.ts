import type { HotAsk, HotEntry, HotStore } from "../ports/hot_store.js";
import type { CacheLease } from "../revocation/cache_lease.js";
import type { ActivityLog } from "../session/activity_log.js";

/**
 * Returns the entries of those sessions that the hot store, under a valid lease, knows to be live now; each counts as
 * used. Undefined for any other session: SessionCheck decides about it. Never rejects.
 */
export type LiveSessions = (asks: readonly HotAsk[]) => Promise<(HotEntry | undefined)[]>;

export const liveSessions = (deps: {
  hot: Pick<HotStore, "checkAll">;
  cacheLease: Pick<CacheLease, "lease" | "holds" | "suspend">;
  activity: ActivityLog;
}): LiveSessions => {
  const { hot, cacheLease, activity } = deps;
  return async (asks) => {
    const lease = cacheLease.lease();
    if (lease === undefined) return asks.map(() => undefined);
    const entries: (HotEntry | undefined)[] = asks.map(() => undefined);
    // Questions to a server without a valid lease would only wait for it.
    const places = [...asks.keys()].filter((i) =>
      cacheLease.holds(lease, asks[i]?.sessionId ?? ""),
    );
    const asked = places.flatMap((i) => asks[i] ?? []);
    const answers = await hot.checkAll(asked, lease).catch(() => []);
    places.forEach((i, place) => {
      const ask = asked[place];
      const answer = answers[place];
      if (ask === undefined) return;
      const { sessionId, touchAt } = ask;
      // One suspicion a server is enough.
      if (answer === undefined && cacheLease.holds(lease, sessionId)) cacheLease.suspend(sessionId);
      if (answer?.kind !== "live" || !cacheLease.holds(lease, sessionId)) return;
      if (touchAt !== 0) activity.record(sessionId, touchAt);
      entries[i] = answer.entry;
    });
    return entries;
  };
};
