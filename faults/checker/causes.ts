import type { LoginCall, RefreshCall, ValidateCall } from "../history/call.js";
import type { Rules } from "./rules.js";
import { refreshAges } from "./stale_refresh.js";
import type { SessionStory, Stories } from "./story.js";
import type { Violation } from "./violation.js";

/** Endings by somebody's call, as the verdict's `end_reason` names them. */
const BY_CALL = new Set(["LOGOUT", "USER", "ADMIN", "PASSWORD_CHANGE"]);
const FOR_GOOD = new Set(["USER_DISABLED", "USER_DELETED"]);
/** Judged by the clock, in `activity.ts`. */
const BY_TIME = new Set(["IDLE_TIMEOUT", "EXPIRED"]);

/**
 * No session is called ended before anything could have ended it, for the
 * reason named: an outage, a crash or a race is no ending (L2, R2, R3, R6, N2).
 */
export const checkCauses = ({ sessions }: Stories, rules: Rules): Violation[] =>
  [...sessions.values()].flatMap((session) => {
    const causeOf = earliestCauses(session, rules);
    return [...session.validations, ...session.refreshes].flatMap((call) => {
      const reason = endReasonOf(call);
      if (reason === undefined || BY_TIME.has(reason)) return [];
      const { possible, guarantee } = causeOf(reason);
      if (call.end >= possible) return [];
      const what = `session ${session.id} was called ended (${reason}) when nothing could have ended it`;
      return [{ guarantee, what, calls: [call] }];
    });
  });

const endReasonOf = ({ answer }: ValidateCall | RefreshCall): string | undefined =>
  answer.kind === "refused" ? answer.endReason : undefined;

const earliestCauses = (session: SessionStory, rules: Rules) => {
  const earliest = (calls: readonly { readonly start: number }[]) =>
    Math.min(Infinity, ...calls.map(({ start }) => start));
  const userEndings = session.user?.endings ?? [];
  const byCall = earliest([...session.endings, ...userEndings]);
  const forGood = earliest(userEndings.filter((call) => call.forGood));
  const ages = refreshAges(session, rules);
  const byReuse = earliest(session.refreshes.filter((call) => ages.maybeStale(call)));
  const byLimit = earliestEviction(session, rules);

  return (reason: string): { possible: number; guarantee: string } => {
    if (BY_CALL.has(reason)) return { possible: byCall, guarantee: "L2" };
    if (FOR_GOOD.has(reason)) return { possible: forGood, guarantee: "L2" };
    if (reason === "REFRESH_REUSE") return { possible: byReuse, guarantee: "R3" };
    if (reason === "SESSION_LIMIT") return { possible: byLimit, guarantee: "N2" };
    return { possible: Infinity, guarantee: "L6" };
  };
};

/** When, at the earliest, as many logins may have come after this session's as fill the limit. */
const earliestEviction = ({ login, user }: SessionStory, rules: Rules): number => {
  if (login === undefined || user === undefined) return Number.NEGATIVE_INFINITY;
  const later = user.logins
    .filter((other) => other !== login && mayHaveMadeRoom(other) && other.end > login.start)
    .map(({ start }) => start)
    .sort((a, b) => a - b);
  return later[rules.maxSessions - 1] ?? Infinity;
};

const mayHaveMadeRoom = ({ answer, rightPassword }: LoginCall): boolean =>
  rightPassword && answer.kind !== "refused";
