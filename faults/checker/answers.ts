import type { Call, LoginCall } from "../history/call.js";
import { countBefore, earliestStart } from "./moments.js";
import type { Rules } from "./rules.js";
import type { SessionStory, Stories, UserStory } from "./story.js";
import type { Violation } from "./violation.js";

/** What each operation may be refused with; everything else is a wrong answer whatever has happened. */
const REFUSALS: Readonly<Record<Call["operation"], readonly string[]>> = {
  login: ["SESSION_LIMIT_EXCEEDED", "TOO_MANY_ATTEMPTS", "USER_INACTIVE", "INVALID_CREDENTIALS"],
  validate: [
    "ACCESS_TOKEN_BLACKLISTED",
    "USER_INACTIVE",
    "SESSION_INACTIVITY_TIMEOUT",
    "SESSION_EXPIRED",
    "ACCESS_TOKEN_EXPIRED",
  ],
  refresh: [
    "REFRESH_TOKEN_REUSED",
    "SESSION_REVOKED_OR_INVALID",
    "SESSION_INACTIVITY_TIMEOUT",
    "SESSION_EXPIRED",
  ],
  end: [],
  end_user: [],
};

/**
 * Trouble is answered UNAVAILABLE, never as a verdict that logs people out: a
 * token that was issued is not invalid, a session that was made not unknown, a
 * right password not wrong.
 */
export const checkAnswers = (calls: readonly Call[]): Violation[] =>
  calls.flatMap((call) => {
    const { operation, answer } = call;
    if (answer.kind !== "refused" || REFUSALS[operation].includes(answer.reason)) return [];
    const what = `${operation} was answered ${answer.reason}, which nothing explains`;
    return [{ guarantee: "OUTAGE", what, calls: [call] }];
  });

/** A login with the right password is refused only for a cause. */
export const checkLogins = ({ users }: Stories, rules: Rules): Violation[] =>
  [...users.values()].flatMap((user) => {
    const shutFrom = earliestStart(user.revocations.filter(({ forGood }) => forGood));
    return [
      ...user.logins.flatMap((call) => {
        const { answer, rightPassword, end } = call;
        if (answer.kind === "ok" && !rightPassword)
          return [{ guarantee: "D1", what: "a wrong password was let in", calls: [call] }];
        if (answer.kind !== "refused" || !rightPassword || shutFrom < end) return [];
        if (!WRONG_PASSWORD.has(answer.reason)) return [];
        return [{ guarantee: "OUTAGE", what: "a right password was called wrong", calls: [call] }];
      }),
      ...lockedForCause(user, rules),
    ];
  });

const WRONG_PASSWORD = new Set(["USER_INACTIVE", "INVALID_CREDENTIALS"]);

/** A replica with too many logins under way says so, which is no lock. */
const tellsOfLock = (answer: LoginCall["answer"]): boolean =>
  answer.kind === "refused" && answer.reason === "TOO_MANY_ATTEMPTS" && answer.cause !== "busy";

/** O4: an account is locked only when wrong passwords may have reached the limit; outages, limits and parallel logins never do. */
const lockedForCause = ({ logins }: UserStory, rules: Rules): Violation[] => {
  const locked = logins.filter(({ answer, rightPassword }) => rightPassword && tellsOfLock(answer));
  const wrong = logins
    .filter(({ rightPassword }) => !rightPassword)
    .map(({ start }) => start)
    .sort((a, b) => a - b);
  return locked.flatMap((call) => {
    if (countBefore(wrong, call.end) >= rules.loginFailures) return [];
    const what = "an account was locked without enough wrong passwords";
    return [{ guarantee: "O4", what, calls: [call] }];
  });
};

/** L4, L6: every replica reports the same revocation in the same words and repeats it with its first revision. */
export const checkSameWords = ({ sessions }: Stories): Violation[] =>
  [...sessions.values()].flatMap((session) => [...verdicts(session), ...revisions(session)]);

const verdicts = ({ id, validations }: SessionStory): Violation[] => {
  let first: (typeof validations)[number] | undefined;
  return validations.flatMap((call) => {
    const words = endWords(call);
    if (words === undefined) return [];
    first ??= call;
    if (endWords(first) === words) return [];
    const what = `the end of session ${id} was told in different words`;
    return [{ guarantee: "L6", what, calls: [first, call] }];
  });
};

const endWords = ({ answer }: SessionStory["validations"][number]): string | undefined =>
  answer.kind === "refused" && answer.endReason !== undefined
    ? `${answer.reason} ${answer.endReason} ${answer.endedAt}`
    : undefined;

const revisions = ({ id, revocations }: SessionStory): Violation[] => {
  const [first, ...others] = revocations.filter(({ answer }) => answer.kind === "ok");
  if (first?.answer.kind !== "ok") return [];
  const { revision } = first.answer;
  return others
    .filter(({ answer }) => answer.kind === "ok" && answer.revision !== revision)
    .map((call) => ({
      guarantee: "L4",
      what: `a repeated revocation of session ${id} answered another revision`,
      calls: [first, call],
    }));
};
