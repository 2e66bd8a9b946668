import type { Call } from "../../src/core/call.js";

/** A call whose caller a test plays. */
export interface TestCall extends Call {
  /** The caller goes away before an answer. */
  leave(): void;
  /** The answer OK leaves, and the caller is still there. */
  receive(): void;
}

/** Listeners hear of the end of a call once, and at once if it is over already. */
export const testCall = (deadlineAt = Number.POSITIVE_INFINITY): TestCall => {
  const controller = new AbortController();
  const listeners: ((isSent: boolean) => void)[] = [];
  let outcome: boolean | undefined;
  const end = (isSent: boolean): void => {
    if (outcome !== undefined) return;
    outcome = isSent;
    controller.abort();
    for (const listener of listeners.splice(0)) listener(isSent);
  };
  return {
    signal: controller.signal,
    deadlineAt,
    onAnswered(listener) {
      if (outcome === undefined) listeners.push(listener);
      else listener(outcome);
    },
    leave: () => end(false),
    receive: () => end(true),
  };
};
