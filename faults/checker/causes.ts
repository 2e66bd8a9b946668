import type { LoginCall, RefreshCall, ValidateCall } from "../history/call.js";
import { countBefore, earliestStart, overlaps } from "./moments.js";
import type { Rules } from "./rules.js";
import { refreshAges } from "./stale_refresh.js";
import type { SessionStory, Stories, UserStory } from "./story.js";
import type { Violation } from "./violation.js";

/** Revocations by a call, as the verdict's `end_reason` names them. */
const BY_CALL = new Set(["LOGOUT", "USER", "ADMIN", "PASSWORD_CHANGE"]);
const FOR_GOOD = new Set(["USER_DISABLED", "USER_DELETED"]);
/** Judged by the clock, in `activity.ts`. */
const BY_TIME = new Set(["IDLE_TIMEOUT", "EXPIRED"]);

/**
 * No session is reported as ended before an event that could have ended it, for the reason named: an outage, a crash or
 * a race is no such event (L2, R2, R3, R6, N2).
 */
export const checkCauses = ({ sessions, users }: Stories, rules: Rules): Violation[] => {
  const ofUsers = new Map([...users.values()].map((user) => [user.id, userCauses(user, rules)]));
  return [...sessions.values()].flatMap((session) => {
    const causeOf = earliestCauses(session, session.user && ofUsers.get(session.user.id), rules);
    return [...session.validations, ...session.refreshes].flatMap((call) => {
      const reason = endReasonOf(call);
      if (reason === undefined || BY_TIME.has(reason)) return [];
      const { possible, guarantee } = causeOf(reason);
      if (call.end >= possible) return [];
      const what = `session ${session.id} was called ended (${reason}) when nothing could have ended it`;
      return [{ guarantee, what, calls: [call] }];
    });
  });
};

const endReasonOf = ({ answer }: ValidateCall | RefreshCall): string | undefined =>
  answer.kind === "refused" ? answer.endReason : undefined;

/** When a user's sessions may have been ended, at the earliest. */
interface UserCauses {
  readonly revocation: number;
  readonly endingForGood: number;
  readonly evictionOf: ReadonlyMap<LoginCall, number>;
}

const userCauses = (user: UserStory, rules: Rules): UserCauses => ({
  revocation: earliestStart(user.revocations),
  endingForGood: earliestStart(user.revocations.filter(({ forGood }) => forGood)),
  evictionOf: earliestEvictions(user, rules),
});

const earliestCauses = (session: SessionStory, ofUser: UserCauses | undefined, rules: Rules) => {
  const { login, revocations, refreshes } = session;
  const byCall = Math.min(earliestStart(revocations), ofUser?.revocation ?? Infinity);
  const forGood = ofUser?.endingForGood ?? Infinity;
  const ages = refreshAges(session, rules);
  const byReuse = earliestStart(refreshes.filter((call) => ages.maybeStale(call)));
  const byLimit = login ? (ofUser?.evictionOf.get(login) ?? Infinity) : Number.NEGATIVE_INFINITY;

  return (reason: string): { possible: number; guarantee: string } => {
    if (BY_CALL.has(reason)) return { possible: byCall, guarantee: "L2" };
    if (FOR_GOOD.has(reason)) return { possible: forGood, guarantee: "L2" };
    if (reason === "REFRESH_REUSE") return { possible: byReuse, guarantee: "R3" };
    if (reason === "SESSION_LIMIT") return { possible: byLimit, guarantee: "N2" };
    return { possible: Infinity, guarantee: "L6" };
  };
};

/** By login: when as many others may have come after it as fill the limit. */
const earliestEvictions = (user: UserStory, { maxSessions }: Rules): Map<LoginCall, number> => {
  const making = user.logins.filter(mayHaveMadeRoom);
  const starts = making.map(({ start }) => start).sort((a, b) => a - b);
  const moments = user.logins.map((login) => ({ login, start: login.start, end: login.start }));
  const evictions = new Map<LoginCall, number>();
  for (const [{ login, start }, underWay] of overlaps(moments, making)) {
    // They began earlier, and may have come after it all the same.
    const later = underWay.map((other) => other.start).sort((a, b) => a - b);
    // Of those that began with it or after it, all but itself.
    const next = countBefore(starts, start) + (mayHaveMadeRoom(login) ? 1 : 0);
    const last = later[maxSessions - 1] ?? starts[next + maxSessions - later.length - 1];
    evictions.set(login, last ?? Infinity);
  }
  return evictions;
};

const mayHaveMadeRoom = ({ answer, rightPassword }: LoginCall): boolean =>
  rightPassword && answer.kind !== "refused";
