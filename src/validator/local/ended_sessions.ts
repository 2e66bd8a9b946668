import type { Verdict } from "./ended_verdict.js";

/** The sessions that have ended lately, with what their tokens are refused for. */
export interface EndedSessions {
  verdictOn(sessionId: string): Verdict | undefined;
  /** @param relevantUntil the time at which the last of its tokens expires, on Curfew's clock */
  add(sessionId: string, verdict: Verdict, relevantUntil: number): void;
  /** Forgets those that cannot matter at `time` of Curfew's clock. */
  forget(time: number): void;
  /**
   * The time on the monotonic clock at which a revocation that may still matter was last dropped for lack of room;
   * -Infinity: never.
   */
  lostAt(): number;
  readonly size: number;
}

/**
 * Remembers `capacity` revocations at most. The oldest may be forgotten early,
 * because a session that is not known to be live is never accepted without
 * asking Curfew; only its refusal takes longer then. But an answer that was
 * asked for before `lostAt` may be about a session whose end was forgotten since.
 */
export const endedSessions = (capacity: number): EndedSessions => {
  const ended = new Map<string, { readonly verdict: Verdict; readonly relevantUntil: number }>();
  let lostAt = Number.NEGATIVE_INFINITY;
  return {
    verdictOn: (sessionId) => ended.get(sessionId)?.verdict,
    add(sessionId, verdict, relevantUntil) {
      if (ended.has(sessionId)) return;
      ended.set(sessionId, { verdict, relevantUntil });
      if (ended.size <= capacity) return;
      lostAt = performance.now();
      for (const [oldest] of ended) {
        ended.delete(oldest);
        break;
      }
    },
    forget(time) {
      for (const [sessionId, { relevantUntil }] of ended)
        if (relevantUntil < time) ended.delete(sessionId);
    },
    lostAt: () => lostAt,
    get size() {
      return ended.size;
    },
  };
};
