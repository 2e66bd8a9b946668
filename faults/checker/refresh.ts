import type { RefreshCall } from "../history/call.js";
import { latestBefore } from "./moments.js";
import type { Rules } from "./rules.js";
import type { SessionStory, Stories } from "./story.js";
import type { Violation } from "./violation.js";

/** R1, R2 and R4 of every session, by the tokens that were issued for each generation. */
export const checkRefreshes = ({ sessions }: Stories, rules: Rules): Violation[] =>
  [...sessions.values()].flatMap((session) => [
    ...oneSuccessor(session),
    ...namedSession(session),
    ...graceEnds(session, rules),
    ...repeatsAreGranted(session, rules),
  ]);

const granted = ({ refreshes }: SessionStory) =>
  refreshes.flatMap((call) => (call.answer.kind === "ok" ? [{ call, given: call.answer }] : []));

const oneSuccessor = (session: SessionStory): Violation[] => {
  const first = new Map<number, { call: RefreshCall; successor: string }>();
  return granted(session).flatMap(({ call, given: { successor } }) => {
    const known = first.get(call.generation);
    if (known === undefined) first.set(call.generation, { call, successor });
    if (known === undefined || known.successor === successor) return [];
    const what = `generation ${call.generation} of session ${session.id} got two successors`;
    return [{ guarantee: "R1", what, calls: [known.call, call] }];
  });
};

const namedSession = (session: SessionStory): Violation[] =>
  granted(session)
    .filter(({ given }) => given.named !== session.id)
    .map(({ call }) => ({
      guarantee: "R2",
      what: `a refresh token of session ${session.id} was answered with another session`,
      calls: [call],
    }));

/** Nothing is given for a generation once its successor was exchanged, or when its grace is over. */
const graceEnds = (session: SessionStory, { graceMs, clockSlackMs }: Rules): Violation[] => {
  const firstAnswered = new Map<number, RefreshCall>();
  for (const { call } of granted(session)) {
    const known = firstAnswered.get(call.generation);
    if (known === undefined || call.end < known.end) firstAnswered.set(call.generation, call);
  }
  return granted(session).flatMap(({ call }) => {
    const about = `generation ${call.generation} of session ${session.id}`;
    const successor = firstAnswered.get(call.generation + 1);
    if (successor !== undefined && successor.end < call.start) {
      const what = `${about} was granted after its successor had been exchanged`;
      return [{ guarantee: "R3 R4", what, calls: [successor, call] }];
    }
    const first = firstAnswered.get(call.generation);
    if (first !== undefined && call.start > first.end + graceMs + clockSlackMs) {
      const what = `${about} was granted after its grace time`;
      return [{ guarantee: "R4", what, calls: [first, call] }];
    }
    return [];
  });
};

/** A token is called used only when it, and its successor or its time, can have been. */
const repeatsAreGranted = (
  { id, refreshes }: SessionStory,
  { graceMs, clockSlackMs }: Rules,
): Violation[] => {
  const newestBefore = latestBefore(
    refreshes,
    (call) => call.start,
    (call) => call.generation,
  );
  /** Of each generation the two calls that began first. */
  const firstTwo = new Map<number, RefreshCall[]>();
  for (const call of refreshes) {
    const two = firstTwo.get(call.generation) ?? [];
    if (two.length < 2) firstTwo.set(call.generation, [...two, call]);
  }
  return refreshes.flatMap((call) => {
    const { answer, generation, end } = call;
    if (answer.kind !== "refused" || answer.reason !== "REFRESH_TOKEN_REUSED") return [];
    const newest = newestBefore(end);
    if (newest && newest.generation > generation) return [];
    const first = firstTwo.get(generation)?.find((other) => other !== call);
    if (first && first.start < end && end >= first.start + graceMs - clockSlackMs) return [];
    const what = `generation ${generation} of session ${id} was called reused within its grace time`;
    return [{ guarantee: "R2", what, calls: [call] }];
  });
};
