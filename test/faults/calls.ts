import type { Rules } from "../../faults/checker/rules.js";
import type { EndCall, LoginCall, RefreshCall, ValidateCall } from "../../faults/history/call.js";

/* Calls of a history written by hand: of user "u" and, where none is named, of session "s". */

export const RULES: Rules = {
  maxSessions: 2,
  limitPolicy: "evict_oldest",
  graceMs: 10_000,
  idleTimeoutMs: 60_000,
  activityLossMs: 0,
  clockSlackMs: 0,
  loginFailures: 10,
};
const FAR = { earliest: 1e9, latest: 1e9 };
export const CANCELLED = { kind: "uncertain", reason: "CANCELLED" } as const;
export const OUTAGE = { kind: "uncertain", reason: "DEPENDENCY_UNAVAILABLE" } as const;
export const ENDED = {
  kind: "refused",
  reason: "ACCESS_TOKEN_BLACKLISTED",
  endReason: "LOGOUT",
} as const;

export type Times = readonly [start: number, end: number];
export const at = ([start, end]: Times) => ({ start, end, replica: "a" });

export const login = (session: string, times: Times, evicted: string[] = []): LoginCall => ({
  ...at(times),
  operation: "login",
  user: "u",
  rightPassword: true,
  answer: { kind: "ok", session, successor: `${session}1`, expiry: FAR, evicted },
});
export const refusedLogin = (reason: string, times: Times, cause?: string): LoginCall => ({
  ...login("none", times),
  answer: { kind: "refused", reason, cause },
});
export const validate = (
  session: string,
  times: Times,
  answer: ValidateCall["answer"] = { kind: "ok" },
): ValidateCall => ({
  ...at(times),
  operation: "validate",
  session,
  use: true,
  expiry: FAR,
  answer,
});
export const end = (session: string, times: Times, answer?: EndCall["answer"]): EndCall => ({
  ...at(times),
  operation: "end",
  session,
  answer: answer ?? { kind: "ok", revision: 1n },
});
export const refresh = (generation: number, times: Times, successor?: string): RefreshCall => ({
  ...at(times),
  operation: "refresh",
  session: "s",
  generation,
  answer: { kind: "ok", named: "s", successor: successor ?? `s${generation + 1}`, expiry: FAR },
});
export const reused = (generation: number, times: Times): RefreshCall => ({
  ...refresh(generation, times),
  answer: { kind: "refused", reason: "REFRESH_TOKEN_REUSED" },
});
export const refused = (reason: string, endReason?: string) =>
  ({ kind: "refused", reason, endReason }) as const;
