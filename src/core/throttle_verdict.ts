import type { ThrottleVerdict } from "./ports/login_throttle.js";

export interface ThrottleLimits {
  /** Failed logins of one account before it is locked. */
  readonly perAccount: number;
  /** Failed logins from one address before it has to wait. */
  readonly perSource: number;
  /** How long a count, and a lock, lasts, in milliseconds. */
  readonly windowMs: number;
}

/** A count, this attempt in it. */
export interface ThrottleCount {
  readonly of: "account" | "source";
  readonly attempts: number;
  /** Milliseconds until it begins anew. */
  readonly leftMs: number;
}

/** Whether an attempt may go on: not while any of its counts is over its limit, however little is left. */
export const throttleVerdict = (
  counts: readonly ThrottleCount[],
  { perAccount, perSource }: ThrottleLimits,
): ThrottleVerdict => {
  const over = counts.filter(
    ({ of, attempts }) => attempts > (of === "account" ? perAccount : perSource),
  );
  return {
    retryAfterMs: Math.max(0, ...over.map(({ leftMs }) => Math.max(1, leftMs))),
    locked: counts.some(({ of, attempts }) => of === "account" && attempts === perAccount + 1),
  };
};
