import { fail } from "./errors.js";

/** How long a caller waits. */
export interface CallLimits {
  /** Aborted when the call is over: it was answered, it was cancelled, or its deadline has passed. */
  readonly signal: AbortSignal;
  /**
   * When the caller stops waiting, in milliseconds on the clock of `performance.now`.
   * Infinity: the caller set no deadline, and neither does the method.
   */
  readonly deadlineAt: number;
}

/** The data about its caller that a use case receives. Background work has no caller. */
export interface Call extends CallLimits {
  /**
   * Calls back once, when the call is over.
   *
   * @param listener receives whether an OK answer was sent while the caller was still connected
   */
  onAnswered(listener: (isSent: boolean) => void): void;
}

/**
 * Refuses to begin, or to commit, work whose caller has gone (O3).
 *
 * @throws CurfewError DEADLINE_EXCEEDED; nobody receives it
 */
export const requireCaller = (call: Pick<Call, "signal"> | undefined): void => {
  if (call?.signal.aborted) throw fail("DEADLINE_EXCEEDED", { cause: "the caller has gone" });
};
