import type { Aftermath } from "../history/aftermath.js";
import type { Call } from "../history/call.js";
import type { Rules } from "./rules.js";
import type { SessionStory, Stories } from "./story.js";
import type { Violation } from "./violation.js";

/** Answers with which a replica itself gave up, or whose caller left before it: nothing was sent. */
const UNSENT = new Set(["DEPENDENCY_UNAVAILABLE", "CANCELLED"]);

/** Whether a call was surely not answered OK. After a lost connection it is unknown which answers were sent on it. */
const isUnsent = ({ answer }: Call): boolean =>
  answer.kind === "uncertain" && UNSENT.has(answer.reason);

/** O3: calls that failed have no effect on their clients. */
export const checkEffects = (
  stories: Stories,
  rules: Rules,
  aftermath?: Aftermath,
): Violation[] => [
  ...[...stories.sessions.values()].flatMap(repeatsAreNoReuse),
  ...(aftermath && rules.activityLossMs === 0 ? onlyAnsweredLogins(stories, aftermath) : []),
];

/** The known facts about the exchanges of one generation, in constant space. */
interface Exchanges {
  readonly generation: number;
  /** When the first of them began. */
  start: number;
  /** The two that began first of those that may have been answered. */
  answered: SessionStory["refreshes"];
}

const exchangesOf = (refreshes: SessionStory["refreshes"]): Map<number, Exchanges> => {
  const known = new Map<number, Exchanges>();
  for (const call of refreshes) {
    const { generation, start } = call;
    const found = known.get(generation) ?? { generation, start, answered: [] };
    known.set(generation, found);
    found.start = Math.min(found.start, start);
    if (!isUnsent(call))
      found.answered = [...found.answered, call].sort((x, y) => x.start - y.start).slice(0, 2);
  }
  return known;
};

/** A client that only repeats the last token it holds is never called a thief. */
const repeatsAreNoReuse = ({ id, refreshes }: SessionStory): Violation[] => {
  const known = exchangesOf(refreshes);
  /** When the first exchange of a later generation began. */
  const laterStart = new Map<number, number>();
  let earliest = Number.POSITIVE_INFINITY;
  for (const { generation, start } of [...known.values()].sort(
    (x, y) => y.generation - x.generation,
  )) {
    laterStart.set(generation, earliest);
    earliest = Math.min(earliest, start);
  }
  return refreshes.flatMap((call) => {
    const { answer, generation, end } = call;
    if (answer.kind !== "refused" || answer.reason !== "REFRESH_TOKEN_REUSED") return [];
    if ((laterStart.get(generation) ?? 0) < end) return [];
    const answered = known.get(generation)?.answered ?? [];
    if (answered.some((other) => other !== call && other.start < end)) return [];
    const same = refreshes.filter(
      (other) => other !== call && other.generation === generation && other.start < end,
    );
    const what = `generation ${generation} of session ${id} was called reused, and no exchange of it had been answered`;
    return [{ guarantee: "O3", what, calls: [...same, call] }];
  });
};

/** Where no process was killed, a login that was not answered OK leaves no session. */
const onlyAnsweredLogins = (
  { users, sessions }: Stories,
  { openSessions }: Aftermath,
): Violation[] =>
  [...openSessions].flatMap(([userId, open]) => {
    const logins = users.get(userId)?.logins ?? [];
    const lost = logins.filter((call) => call.answer.kind === "uncertain" && !isUnsent(call));
    const unknown = open.filter((id) => sessions.get(id)?.login === undefined);
    if (unknown.length <= lost.length) return [];
    const what = `user ${userId} has ${unknown.length} open sessions of logins that were not answered`;
    return [{ guarantee: "O3", what, calls: logins.filter(isUnsent) }];
  });
