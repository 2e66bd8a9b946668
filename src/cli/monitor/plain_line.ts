import { instant, printable } from "../output/printable.js";
import { endings, type Observation, overallStatus, storeStates } from "./observation.js";

/** An observation on one line of `name=value`, for pipes and logs. */
export const renderLine = (observation: Observation): string => {
  const { at, stats } = observation;
  const start = `${instant(at)} status=${overallStatus(observation)}`;
  if (stats instanceof Error) return `${start} failure=${JSON.stringify(stats.message)}`;
  const revoked = endings(stats);
  const total = revoked.reduce((sum, { count }) => sum + count, 0n);
  return [
    start,
    `live=${stats.liveSessions}`,
    `idle=${stats.idleSessions}`,
    `ended=${stats.endedSessions}`,
    `window_minutes=${stats.windowMinutes}`,
    `logins=${stats.logins}`,
    `failed_logins=${stats.failedLogins}`,
    `throttled_logins=${stats.throttledLogins}`,
    `account_locks=${stats.accountLocks}`,
    `refreshes=${stats.refreshes}`,
    `revocations=${total}`,
    ...revoked.map(({ reason, count }) => `${reason.toLowerCase()}=${count}`),
    `unusual=${stats.unusualPatterns.length}`,
    ...storeStates(stats).map(({ store, state }) => printable(`${store}=${state.toLowerCase()}`)),
  ].join(" ");
};

/** An observation as one line of JSON, with the names of the proto. */
export const renderJsonLine = (observation: Observation): string => {
  const { at, target, stats, health } = observation;
  const start = { at, target, status: overallStatus(observation), health };
  if (stats instanceof Error) return JSON.stringify({ ...start, failure: stats.message });
  return JSON.stringify({
    ...start,
    live_sessions: stats.liveSessions.toString(),
    idle_sessions: stats.idleSessions.toString(),
    ended_sessions: stats.endedSessions.toString(),
    window_minutes: stats.windowMinutes,
    logins: stats.logins.toString(),
    failed_logins: stats.failedLogins.toString(),
    throttled_logins: stats.throttledLogins.toString(),
    account_locks: stats.accountLocks.toString(),
    refreshes: stats.refreshes.toString(),
    revocations: endings(stats).map(({ reason, count }) => ({ reason, count: count.toString() })),
    unusual_patterns: stats.unusualPatterns.map(({ count, ...pattern }) => ({
      ...pattern,
      count: count.toString(),
    })),
    stores: storeStates(stats),
  });
};
