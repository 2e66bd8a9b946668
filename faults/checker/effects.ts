import type { Aftermath } from "../history/aftermath.js";
import type { Call } from "../history/call.js";
import type { Rules } from "./rules.js";
import type { SessionStory, Stories } from "./story.js";
import type { Violation } from "./violation.js";

/** Answers with which a replica itself gave up, or whose caller left before it: nothing was sent. */
const UNSENT = new Set(["DEPENDENCY_UNAVAILABLE", "CANCELLED"]);

/** Whether a call was surely not answered OK. Of a lost connection nobody knows what was sent on it. */
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

/** A client that only repeats the last token it holds is never called a thief. */
const repeatsAreNoReuse = ({ id, refreshes }: SessionStory): Violation[] =>
  refreshes.flatMap((call) => {
    const { answer, generation, end } = call;
    if (answer.kind !== "refused" || answer.reason !== "REFRESH_TOKEN_REUSED") return [];
    const others = refreshes.filter((other) => other !== call && other.start < end);
    if (others.some((other) => other.generation > generation)) return [];
    const same = others.filter((other) => other.generation === generation);
    if (!same.every(isUnsent)) return [];
    const what = `generation ${generation} of session ${id} was called reused, and no exchange of it had been answered`;
    return [{ guarantee: "O3", what, calls: [...same, call] }];
  });

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
