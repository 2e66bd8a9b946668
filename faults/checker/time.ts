import type { Call, Expiry } from "../history/call.js";
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

/** Whether no use that can have been counts any more at this moment. */
export const surelyIdle = (session: SessionStory, at: number, rules: Rules): boolean => {
  const uses = usesOf(session).filter(({ start }) => start < at);
  const last = latest(uses.map(({ end }) => end));
  return uses.length > 0 && at > last + rules.idleTimeoutMs + IDLE_LATENESS_MS + rules.clockSlackMs;
};

const idleInTime = (session: SessionStory, rules: Rules): Violation[] => {
  const { idleTimeoutMs, activityLossMs, clockSlackMs } = rules;
  const uses = usesOf(session);
  /** A repetition of a refresh within grace is no use (R4), and looks like one from here. */
  const sureUses = uses.filter((call) => call.answer.kind === "ok" && call.operation !== "refresh");
  const lastSure = newestBefore(sureUses.map(({ start, end }) => ({ seen: end, moment: start })));
  const lastPossible = newestBefore(uses.map(({ start, end }) => ({ seen: start, moment: end })));
  return [...session.validations, ...session.refreshes].flatMap((call) => {
    const { answer, start, end } = call;
    if (answer.kind === "refused" && answer.reason === "SESSION_INACTIVITY_TIMEOUT") {
      const last = lastSure(start);
      if (end >= last + idleTimeoutMs - activityLossMs - clockSlackMs) return [];
      const what = `session ${session.id} was called idle ${(end - last).toFixed(0)} ms after its use`;
      return [{ guarantee: "A2", what, calls: [call] }];
    }
    if (answer.kind === "ok") {
      const last = lastPossible(start);
      const due = last + idleTimeoutMs + IDLE_LATENESS_MS + clockSlackMs;
      if (last === Number.NEGATIVE_INFINITY || start <= due) return [];
      const what = `session ${session.id} was called live ${(start - last).toFixed(0)} ms after its last use`;
      return [{ guarantee: "A2", what, calls: [call] }];
    }
    return [];
  });
};

/** Finds the newest `moment` among those `seen` before a time. */
const newestBefore = (
  uses: { readonly seen: number; readonly moment: number }[],
): ((time: number) => number) => {
  const sorted = uses.sort((a, b) => a.seen - b.seen);
  let newest = Number.NEGATIVE_INFINITY;
  const newestUpTo = sorted.map(({ moment }) => {
    newest = Math.max(newest, moment);
    return newest;
  });
  return (time) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle]?.seen ?? Infinity) < time) low = middle + 1;
      else high = middle;
    }
    return newestUpTo[low - 1] ?? Number.NEGATIVE_INFINITY;
  };
};

const latest = (moments: readonly number[]): number =>
  moments.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);

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
