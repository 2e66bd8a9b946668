import type { Clock } from "../core/ports/clock.js";
import type { HotAnswer, HotStore } from "../core/ports/hot_store.js";
import type { SessionStore } from "../core/ports/session_store.js";
import type { WorkClass } from "../core/ports/work_class.js";
import type { RevocationFeed } from "../core/revocation/revocation_feed.js";
import type { EndReason } from "../core/session/session.js";
import type { PrimaryPorts } from "../core/use_cases.js";
import type { Metrics } from "../telemetry/metrics.js";

/** The primary store of every class of work, counting what validation and activity ask of it. */
export const measuredPorts = (
  forWork: (work: WorkClass) => PrimaryPorts,
  clock: Pick<Clock, "now">,
  metrics: Metrics,
): ((work: WorkClass) => PrimaryPorts) => {
  const measured = new Map<WorkClass, PrimaryPorts>();
  return (work) => {
    const ports = measured.get(work) ?? {
      ...forWork(work),
      store: measuredStore(forWork(work).store, clock, metrics),
    };
    measured.set(work, ports);
    return ports;
  };
};

/** The store, counting what validation and activity ask of it. */
export const measuredStore = (
  store: SessionStore,
  clock: Pick<Clock, "now">,
  metrics: Metrics,
): SessionStore => ({
  ...store,
  sessionStatuses(sessionIds) {
    metrics.countPrimaryStoreBatch(sessionIds.length);
    return store.sessionStatuses(sessionIds);
  },
  async touch(activity) {
    const done = await store.touch(activity);
    const oldest = Math.min(...activity.map(({ at }) => at));
    if (activity.length > 0)
      metrics.countActivityFlush(activity.length, Math.max(0, clock.now() - oldest) / 1000);
    return done;
  },
});

/** A hot store in this process, counting its answers; that in Redis does so itself, for a whole batch. */
export const measuredHotStore = (hot: HotStore, metrics: Metrics): HotStore => {
  const count = ({ kind }: HotAnswer): void =>
    metrics.countHotAnswers(kind === "unknown" ? "doubt" : kind, 1);
  return {
    ...hot,
    async check(ask, lease) {
      const answer = await hot.check(ask, lease);
      count(answer);
      return answer;
    },
    async checkAll(asks, lease) {
      const answers = await hot.checkAll(asks, lease);
      for (const answer of answers) if (answer !== undefined) count(answer);
      return answers;
    },
  };
};

/** These are recorded later than they occurred. */
const TIMEOUTS: readonly EndReason[] = ["IDLE_TIMEOUT", "EXPIRED"];

/** Wraps the feed. Records once for each new revocation how late the first watcher receives it. */
export const measuredFeed = (
  feed: RevocationFeed,
  clock: Pick<Clock, "now">,
  metrics: Metrics,
): RevocationFeed => {
  let told = 0n;
  return {
    ...feed,
    async *watch(afterRevision, signal) {
      const since = clock.now();
      for await (const event of feed.watch(afterRevision, signal)) {
        if (event.kind === "revocation" && event.revocation.revision > told) {
          const { revision, at, reason } = event.revocation;
          told = revision;
          if (at >= since && !TIMEOUTS.includes(reason))
            metrics.sessions.countRevocationLag((clock.now() - at) / 1000);
        }
        yield event;
      }
    },
  };
};
