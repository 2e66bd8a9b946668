/**
 * What racing calls about sessions answered, with the order of their beginnings
 * and ends, and whether a guarantee was broken. Linear in the number of calls:
 * revocations are final, so no search for an order of the calls is needed
 * (Herlihy and Wing, "Linearizability", 1990).
 */
export interface History {
  /** Makes a call that ends the session; `OK` or a reason. */
  revocation(sessionId: string, call: () => Promise<string>): Promise<string>;
  /** Asks whether the session is live; `valid` or a reason. */
  question(sessionId: string, call: () => Promise<string>): Promise<string>;
  /** Calls recorded so far. */
  size(): number;
  /** Answers "valid" so far. */
  validCount(): number;
  /** What no order of the calls explains; empty: all is well. */
  violations(): string[];
}

interface Answer {
  readonly sessionId: string;
  readonly kind: "revocation" | "question";
  readonly outcome: string;
  /** Places in the one order of all beginnings and ends. */
  readonly begun: number;
  readonly answered: number;
}

/** Answers that leave the state of the session open. */
const UNCERTAIN = new Set(["DEPENDENCY_UNAVAILABLE", "OVERLOADED"]);

/** `endedReasons`: the reasons that a session may be called ended for in this history. */
export const recordHistory = (endedReasons = ["ACCESS_TOKEN_BLACKLISTED"]): History => {
  const answers: Answer[] = [];
  let moment = 0;

  const record = async (
    kind: Answer["kind"],
    sessionId: string,
    call: () => Promise<string>,
  ): Promise<string> => {
    const begun = moment++;
    const outcome = await call();
    answers.push({ sessionId, kind, outcome, begun, answered: moment++ });
    return outcome;
  };

  return {
    revocation: (sessionId, call) => record("revocation", sessionId, call),
    question: (sessionId, call) => record("question", sessionId, call),
    size: () => answers.length,
    validCount: () => answers.filter(({ outcome }) => outcome === "valid").length,
    violations() {
      const knownEnded = new Map<string, Answer>();
      const firstRevocation = new Map<string, number>();
      const violations: string[] = [];
      // Answers stand in the order in which they were given.
      for (const answer of answers) {
        const { sessionId, kind, outcome } = answer;
        const ended = kind === "revocation" ? outcome === "OK" : endedReasons.includes(outcome);
        if (ended && !knownEnded.has(sessionId)) knownEnded.set(sessionId, answer);
        if (!ended && outcome !== "valid" && !UNCERTAIN.has(outcome))
          violations.push(`${sessionId}: a ${kind} was answered ${outcome}`);
        if (kind === "revocation")
          firstRevocation.set(
            sessionId,
            Math.min(answer.begun, firstRevocation.get(sessionId) ?? Infinity),
          );
      }
      for (const { sessionId, kind, outcome, begun, answered } of answers) {
        const known = knownEnded.get(sessionId);
        if (outcome === "valid" && known && known.answered < begun)
          violations.push(
            `${sessionId}: called valid by a call begun at ${begun}, ` +
              `after the ${known.kind} answered ${known.outcome} at ${known.answered}`,
          );
        if (kind === "question" && endedReasons.includes(outcome)) {
          const possible = firstRevocation.get(sessionId) ?? Infinity;
          if (answered < possible)
            violations.push(`${sessionId}: called ended at ${answered}, before anybody ended it`);
        }
      }
      return violations;
    },
  };
};
