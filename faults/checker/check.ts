import type { Aftermath } from "../history/aftermath.js";
import type { Call } from "../history/call.js";
import { checkAnswers, checkLogins, checkSameWords } from "./answers.js";
import { checkCauses } from "./causes.js";
import { checkEffects } from "./effects.js";
import { checkLimit } from "./limit.js";
import { checkRecords } from "./records.js";
import { checkRefreshes } from "./refresh.js";
import { checkRevocation } from "./revocation.js";
import type { Rules } from "./rules.js";
import { tellStories } from "./story.js";
import { checkTime } from "./time.js";
import type { Violation } from "./violation.js";

/** Every guarantee that a history breaks; none: some order of its calls explains all answers. Pure. */
export const checkHistory = (
  calls: readonly Call[],
  rules: Rules,
  aftermath?: Aftermath,
): Violation[] => {
  const stories = tellStories(calls);
  return [
    ...checkAnswers(calls),
    ...checkLogins(stories, rules),
    ...checkSameWords(stories),
    ...checkRevocation(stories, rules),
    ...checkCauses(stories, rules),
    ...checkRefreshes(stories, rules),
    ...checkLimit(stories, rules),
    ...checkTime(stories, rules),
    ...checkEffects(stories, rules, aftermath),
    ...(aftermath ? checkRecords(stories, aftermath) : []),
  ];
};
