import type { Clock } from "../ports/clock.js";
import type { HotStore } from "../ports/hot_store.js";
import type { CacheLease } from "../revocation/cache_lease.js";
import type { ActivityLog } from "./activity_log.js";
import type { Session } from "./session.js";

/** The sessions with uses that have not reached Postgres yet, as far as this replica and the hot store know them. */
export type WithRecentActivity = (sessions: readonly Session[]) => Promise<Session[]>;

export const withRecentActivity = (deps: {
  hot: HotStore;
  cacheLease: CacheLease;
  activity: ActivityLog;
  clock: Clock;
}): WithRecentActivity => {
  const { hot, cacheLease, activity, clock } = deps;
  const recent = async (session: Session): Promise<Session> => {
    if (session.end) return session;
    const lease = cacheLease.lease(session.id);
    const answer =
      lease &&
      (await hot
        .check({ sessionId: session.id, now: clock.now(), touchAt: 0 }, lease)
        // What Postgres knows is late by what flushing tolerates at most, unless there is trouble there too.
        .catch(() => undefined));
    const seen =
      answer?.kind === "live"
        ? answer.entry.lastActivityAt
        : answer?.kind === "unknown"
          ? answer.lastActivityAt
          : 0;
    const lastActivityAt = Math.max(session.lastActivityAt, activity.pending(session.id), seen);
    return lastActivityAt === session.lastActivityAt ? session : { ...session, lastActivityAt };
  };
  return (sessions) => Promise.all(sessions.map(recent));
};
