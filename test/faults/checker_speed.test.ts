import { expect, test } from "vitest";
import { checkHistory } from "../../faults/checker/check.js";
import type { Call } from "../../faults/history/call.js";
import { ENDED, end, login, RULES, refresh, refusedLogin, reused, validate } from "./calls.js";

const CALLS = 20_000;
/** Of the processor's time. It takes less than one; a look at all calls for each of them would take far more. */
const MAX_SECONDS = 3;

const S = login("s", [-2, -1]);

/** Histories of which every call is about the same session or user: `i` is its time and place. */
const HISTORIES: readonly (readonly [string, (i: number) => Call])[] = [
  ["validations of a session", (i) => validate("s", [i, i + 0.5])],
  ["verdicts of its end", (i) => validate("s", [i, i + 0.5], ENDED)],
  ["revocations of it", (i) => end("s", [i, i + 0.5])],
  ["exchanges of its refresh token", (i) => refresh(i + 1, [i, i + 0.5])],
  ["old refresh tokens", (i) => (i < 9 ? refresh(i + 1, [i, i + 0.5]) : reused(1, [i, i + 0.5]))],
  ["logins of a user", (i) => login(`${i}`, [i, i + 0.5], [i < 2 ? "s" : `${i - 2}`])],
  ["logins that are locked out", (i) => refusedLogin("TOO_MANY_ATTEMPTS", [i, i + 0.5])],
  ["logins over the limit", (i) => refusedLogin("SESSION_LIMIT_EXCEEDED", [i, i + 0.5])],
  [
    "logins and revocations, and logins that found no room",
    (i) =>
      i % 3 === 0
        ? login(`${i}`, [i, i + 0.5])
        : i % 3 === 1
          ? refusedLogin("SESSION_LIMIT_EXCEEDED", [i, i + 0.5])
          : end(`${i - 2}`, [i, i + 0.5]),
  ],
];

test.each(HISTORIES)("the checker is done in a moment with 20,000 %s", (_name, callAt) => {
  const calls = [S, ...Array.from({ length: CALLS }, (_, i) => callAt(i))];
  const begun = process.cpuUsage();
  for (const limitPolicy of ["evict_oldest", "reject"] as const)
    checkHistory(calls, { ...RULES, limitPolicy });
  const { user, system } = process.cpuUsage(begun);
  expect((user + system) / 1e6).toBeLessThan(MAX_SECONDS);
});
