import type { Call, RefreshCall, ValidateCall } from "../history/call.js";
import { earliestAfter, endOf, startOf } from "./moments.js";
import type { Rules } from "./rules.js";
import { refreshAges } from "./stale_refresh.js";
import type { SessionStory, Stories } from "./story.js";
import type { Violation } from "./violation.js";

/** Verdicts that a session has ended, as opposed to its token. */
const ENDED_VERDICTS = new Set([
  "ACCESS_TOKEN_BLACKLISTED",
  "USER_INACTIVE",
  "SESSION_INACTIVITY_TIMEOUT",
  "SESSION_EXPIRED",
  "SESSION_REVOKED_OR_INVALID",
]);

const saysEnded = ({ answer }: ValidateCall | RefreshCall): boolean =>
  answer.kind === "refused" && ENDED_VERDICTS.has(answer.reason);

/**
 * L1, L2, L5 and R5, exactly: since a revocation is final, a history is right if
 * and only if no call that calls a session live began after a call was answered
 * from which its end follows. Linear in the number of calls, but for sorting.
 * Source: Herlihy and Wing, "Linearizability", 1990.
 */
export const checkRevocation = ({ sessions, users }: Stories, rules: Rules): Violation[] => {
  /** The first answer from which the session's end follows. */
  const proofs = new Map<string, Call>();
  const prove = (sessionId: string, call: Call) => {
    const known = proofs.get(sessionId);
    if (known === undefined || call.end < known.end) proofs.set(sessionId, call);
  };

  for (const session of sessions.values()) {
    for (const call of session.revocations) if (call.answer.kind === "ok") prove(session.id, call);
    for (const call of session.validations) if (saysEnded(call)) prove(session.id, call);
    const ages = refreshAges(session, rules);
    for (const call of session.refreshes) {
      const isReuse =
        call.answer.kind === "refused" && call.answer.reason === "REFRESH_TOKEN_REUSED";
      if (saysEnded(call) || (isReuse && ages.surelyStale(call))) prove(session.id, call);
    }
  }
  for (const user of users.values()) {
    for (const call of user.logins)
      if (call.answer.kind === "ok") for (const id of call.answer.evicted) prove(id, call);
    const revocations = user.revocations.filter(({ answer }) => answer.kind === "ok");
    const firstAfter = earliestAfter(revocations, startOf, endOf);
    const firstForGood = earliestAfter(
      revocations.filter(({ forGood }) => forGood),
      startOf,
      endOf,
    )(Number.NEGATIVE_INFINITY);
    for (const { id, login } of user.sessions) {
      const after = login && firstAfter(login.end);
      if (after) prove(id, after);
      if (firstForGood) prove(id, firstForGood);
    }
  }

  return [...sessions.values()].flatMap((session) => {
    const proof = proofs.get(session.id);
    return proof ? laterLives(session, proof) : [];
  });
};

const laterLives = (session: SessionStory, proof: Call): Violation[] => {
  const isEndingOperation = proof.operation === "end" || proof.operation === "end_user";
  const isEviction = proof.operation === "login";
  const inForce = isEviction ? "N2 L1" : isEndingOperation ? "L1" : "L2";
  const validations = session.validations
    .filter(({ answer, start }) => answer.kind === "ok" && start > proof.end)
    .map((call) => ({
      guarantee: inForce,
      what: `session ${session.id} was called valid after its end had been answered`,
      calls: [proof, call],
    }));
  const refreshes = session.refreshes
    .filter(({ answer, start }) => answer.kind === "ok" && start > proof.end)
    .map((call) => ({
      guarantee: "R5",
      what: `session ${session.id} was refreshed after its end had been answered`,
      calls: [proof, call],
    }));
  return [...validations, ...refreshes];
};
