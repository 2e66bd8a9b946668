import type { Answer, Call } from "./call.js";

/** Keeps calls with their beginnings and ends on one clock. */
export interface Recorder {
  now(): number;
  /** Makes a call, and returns its start and end. */
  timed<T>(ask: (start: number) => Promise<T>): Promise<{ start: number; end: number; answer: T }>;
  add(call: Call): void;
  calls(): readonly Call[];
  /** Forgets all calls so far: another history begins. */
  clear(): void;
}

/** `now`: milliseconds that never go back. */
export const createRecorder = (now: () => number): Recorder => {
  let calls: Call[] = [];
  return {
    now,
    async timed(ask) {
      const start = now();
      const answer = await ask(start);
      return { start, end: now(), answer };
    },
    add: (call) => {
      calls.push(call);
    },
    calls: () => calls,
    clear: () => {
      calls = [];
    },
  };
};

/** Reasons after which it is unknown whether the call took effect. */
const UNCERTAIN = new Set([
  "DEPENDENCY_UNAVAILABLE",
  "OVERLOADED",
  "DEADLINE_EXCEEDED",
  "CANCELLED",
  "NO_ANSWER",
]);

/** Converts the failure of a call to the answer in its history. */
export const failureAnswer = (
  reason: string,
  metadata: Readonly<Record<string, string>> = {},
): Exclude<Answer<unknown>, { kind: "ok" }> =>
  UNCERTAIN.has(reason)
    ? { kind: "uncertain", reason }
    : {
        kind: "refused",
        reason,
        cause: metadata.cause,
        endReason: metadata.end_reason,
        endedAt: metadata.ended_at,
      };
