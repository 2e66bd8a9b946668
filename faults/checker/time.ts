import type { Call, Expiry } from "../history/call.js";
import { endOf, latestBefore, startOf } from "./moments.js";
import type { Rules } from "./rules.js";
import type { SessionStory, Stories } from "./story.js";
import type { Violation } from "./violation.js";

/** Beyond its timeout a session may be called live for this long (A2). */
const IDLE_LATENESS_MS = 1000;

/** A1, A2 and the tokens' own time, of every session. */
export const checkTime = ({ sessions }: Stories, rules: Rules): Violation[] =>
  [...sessions.values()].flatMap((session) => [
    ...idleInTime(session, rules),
    ...tokensInTime(session, rules),
  ]);

/** Calls that use the session if they find it live. */
const usesOf = ({ login, validations, refreshes }: SessionStory): Call[] => [
  ...(login ? [login] : []),
  ...validations.filter(({ use }) => use),
  ...refreshes,
];

/** Returns whether, at a given moment, every possible use of the session is too old to count. */
export const surelyIdle = (session: SessionStory, rules: Rules): ((at: number) => boolean) => {
  const lastUse = latestBefore(usesOf(session), startOf, endOf);
  return (at) => {
    const last = lastUse(at);
    return (
      last !== undefined &&
      at > last.end + rules.idleTimeoutMs + IDLE_LATENESS_MS + rules.clockSlackMs
    );
  };
};

const idleInTime = (session: SessionStory, rules: Rules): Violation[] => {
  const { idleTimeoutMs, activityLossMs, clockSlackMs } = rules;
  const uses = usesOf(session);
  /** A repetition of a refresh within grace is no use (R4), and looks like one from here. */
  const sureUses = uses.filter((call) => call.answer.kind === "ok" && call.operation !== "refresh");
  const lastSure = latestBefore(sureUses, endOf, startOf);
  const isIdle = surelyIdle(session, rules);
  return [...session.validations, ...session.refreshes].flatMap((call) => {
    const { answer, start, end } = call;
    if (answer.kind === "refused" && answer.reason === "SESSION_INACTIVITY_TIMEOUT") {
      const last = lastSure(start)?.start ?? Number.NEGATIVE_INFINITY;
      if (end >= last + idleTimeoutMs - activityLossMs - clockSlackMs) return [];
      const what = `session ${session.id} was called idle ${(end - last).toFixed(0)} ms after its use`;
      return [{ guarantee: "A2", what, calls: [call] }];
    }
    if (answer.kind === "ok") {
      if (!isIdle(start)) return [];
      const what = `session ${session.id} was called live when its last use was too long ago`;
      return [{ guarantee: "A2", what, calls: [call] }];
    }
    return [];
  });
};

const tokensInTime = ({ id, validations }: SessionStory, rules: Rules): Violation[] =>
  validations.flatMap((call) => {
    const { answer, start, end, expiry } = call;
    const wrong = (what: string) => [{ guarantee: "R7 A2", what, calls: [call] }];
    if (answer.kind === "ok" && isPast(expiry, start - rules.clockSlackMs))
      return wrong(`an expired token of session ${id} was called valid`);
    if (
      answer.kind === "refused" &&
      answer.reason === "ACCESS_TOKEN_EXPIRED" &&
      end < expiry.earliest - rules.clockSlackMs
    )
      return wrong(`a token of session ${id} was called expired before its time`);
    return [];
  });

const isPast = ({ latest: expired }: Expiry, at: number): boolean => at > expired;
