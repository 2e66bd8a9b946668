import { instant, printable } from "../output/printable.js";
import { jsonNumber } from "../output/report.js";
import { type Observation, overallStatus, revocations, storeStates } from "./observation.js";

/** An observation on one line of `name=value`, for pipes and logs. */
export const renderLine = (observation: Observation): string => {
  const { at, stats } = observation;
  const start = `${instant(at)} status=${overallStatus(observation)}`;
  if (stats instanceof Error) return `${start} failure=${JSON.stringify(stats.message)}`;
  const revoked = revocations(stats);
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
    live_sessions: jsonNumber(stats.liveSessions),
    idle_sessions: jsonNumber(stats.idleSessions),
    ended_sessions: jsonNumber(stats.endedSessions),
    window_minutes: stats.windowMinutes,
    logins: jsonNumber(stats.logins),
    failed_logins: jsonNumber(stats.failedLogins),
    throttled_logins: jsonNumber(stats.throttledLogins),
    account_locks: jsonNumber(stats.accountLocks),
    refreshes: jsonNumber(stats.refreshes),
    revocations: revocations(stats).map(({ reason, count }) => ({
      reason,
      count: jsonNumber(count),
    })),
    unusual_patterns: stats.unusualPatterns.map(({ count, ...pattern }) => ({
      ...pattern,
      count: jsonNumber(count),
    })),
    stores: storeStates(stats),
  });
};
