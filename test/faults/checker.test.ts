import { describe, expect, test } from "vitest";
import { checkHistory } from "../../faults/checker/check.js";
import type { Call, RefreshCall } from "../../faults/history/call.js";
import {
  at,
  CANCELLED,
  ENDED,
  end,
  login,
  OUTAGE,
  RULES,
  refresh,
  refused,
  refusedLogin,
  reused,
  validate,
} from "./calls.js";

const S = login("s", [0, 1]);

const GOOD: readonly (readonly [string, readonly Call[]])[] = [
  [
    "a login turned away by a busy replica",
    [S, refusedLogin("TOO_MANY_ATTEMPTS", [10, 11], "busy")],
  ],
  ["nothing at all", []],
  [
    "valid by a call that overlaps the revocation",
    [S, end("s", [10, 20]), validate("s", [19, 30])],
  ],
  [
    "a revocation without an answer that did not happen",
    [S, end("s", [10, 20], OUTAGE), validate("s", [30, 31])],
  ],
  ["an outage after a revocation", [S, end("s", [10, 20]), validate("s", [30, 31], OUTAGE)]],
  [
    "ended while the revocation is under way",
    [S, end("s", [10, 20]), validate("s", [11, 12], ENDED)],
  ],
  ["the same successor for racing exchanges", [S, refresh(1, [10, 20]), refresh(1, [11, 22])]],
  [
    "an honest late duplicate",
    [S, refresh(1, [10, 11]), refresh(2, [12, 13]), reused(1, [14, 15]), validate("s", [16, 17])],
  ],
  ...[OUTAGE, CANCELLED].map(
    (answer) =>
      [
        `a token repeated long after ${answer.reason}`,
        [S, { ...refresh(1, [10, 11]), answer }, refresh(1, [20_000, 20_001])],
      ] as const,
  ),
  [
    "a token called reused that may have been answered on a connection that was lost",
    [
      S,
      { ...refresh(1, [10, 11]), answer: { kind: "uncertain", reason: "NO_ANSWER" } },
      reused(1, [20_000, 20_001]),
    ],
  ],
  [
    "as many sessions as there may be",
    [
      S,
      login("t", [2, 3]),
      login("v", [4, 5], ["s"]),
      validate("t", [6, 7]),
      validate("v", [6, 7]),
    ],
  ],
  [
    "idle after its time",
    [S, validate("s", [60_002, 60_003], refused("SESSION_INACTIVITY_TIMEOUT", "IDLE_TIMEOUT"))],
  ],
];

/** An exchange of generation 1 that was not answered. */
const lost = (answer: RefreshCall["answer"]): RefreshCall => ({ ...refresh(1, [10, 11]), answer });

const BAD: readonly (readonly [string, string, readonly Call[]])[] = [
  ["L1", "valid after a revocation answered OK", [S, end("s", [10, 20]), validate("s", [21, 22])]],
  [
    "L2",
    "valid after somebody said ended",
    [S, end("s", [10, 20], OUTAGE), validate("s", [12, 13], ENDED), validate("s", [14, 15])],
  ],
  ["L2", "ended although nobody ended it", [S, validate("s", [10, 11], ENDED), end("s", [12, 13])]],
  [
    "L1",
    "valid after all of the user's sessions were ended",
    [
      S,
      {
        ...at([10, 20]),
        operation: "end_user",
        user: "u",
        forGood: false,
        answer: { kind: "ok", revision: 1n },
      },
      validate("s", [21, 22]),
    ],
  ],
  [
    "L4",
    "another revision for the same ending",
    [S, end("s", [10, 20]), end("s", [21, 22], { kind: "ok", revision: 2n })],
  ],
  [
    "L6",
    "another reason for the same ending",
    [
      S,
      end("s", [10, 20]),
      validate("s", [21, 22], ENDED),
      validate("s", [23, 24], { ...ENDED, endReason: "ADMIN" }),
    ],
  ],
  [
    "OUTAGE",
    "an unknown session instead of an outage",
    [S, validate("s", [10, 11], refused("SESSION_REVOKED_OR_INVALID"))],
  ],
  ["OUTAGE", "an internal error", [S, end("s", [10, 11], refused("INTERNAL"))]],
  ["OUTAGE", "a right password called wrong", [refusedLogin("INVALID_CREDENTIALS", [10, 11])]],
  [
    "R1",
    "two successors of one generation",
    [S, refresh(1, [10, 20]), refresh(1, [11, 22], "other")],
  ],
  ...[OUTAGE, CANCELLED].map(
    (answer) =>
      [
        "O3",
        `a token called reused after nothing but ${answer.reason}`,
        [S, lost(answer), reused(1, [20_000, 20_001])],
      ] as const,
  ),
  ["R2", "reused within grace", [S, refresh(1, [10, 20]), reused(1, [21, 22])]],
  [
    "R3 R4",
    "granted after its successor was exchanged",
    [S, refresh(1, [10, 11]), refresh(2, [12, 13]), refresh(1, [14, 15])],
  ],
  ["R4", "granted after its grace", [S, refresh(1, [10, 11]), refresh(1, [10_012, 10_013])]],
  ["R5", "refreshed after the revocation", [S, end("s", [10, 20]), refresh(1, [21, 22])]],
  [
    "L2",
    "live after an old copy was presented",
    [S, refresh(1, [10, 11]), reused(1, [10_012, 10_013]), validate("s", [10_014, 10_015])],
  ],
  [
    "R3",
    "ended by an honest late duplicate",
    [
      S,
      refresh(1, [10, 11]),
      refresh(2, [12, 13]),
      reused(1, [14, 15]),
      validate("s", [16, 17], { ...ENDED, endReason: "REFRESH_REUSE" }),
    ],
  ],
  [
    "N1",
    "more sessions than there may be",
    [
      S,
      login("t", [2, 3]),
      login("v", [4, 5]),
      ...["s", "t", "v"].map((id) => validate(id, [6, 7])),
    ],
  ],
  [
    "N2 L1",
    "valid after it was named as evicted",
    [S, login("t", [2, 3]), login("v", [4, 5], ["s"]), validate("s", [6, 7])],
  ],
  [
    "N2",
    "evicted with room left",
    [S, login("t", [2, 3]), validate("s", [6, 7], { ...ENDED, endReason: "SESSION_LIMIT" })],
  ],
  ["O4", "locked without a wrong password", [S, refusedLogin("TOO_MANY_ATTEMPTS", [10, 11])]],
  [
    "A2",
    "idle before its time",
    [S, validate("s", [59_000, 59_001], refused("SESSION_INACTIVITY_TIMEOUT", "IDLE_TIMEOUT"))],
  ],
  ["A2", "live after its time", [S, validate("s", [61_002, 61_003])]],
  [
    "R7 A2",
    "a token expired before its time",
    [S, validate("s", [10, 11], refused("ACCESS_TOKEN_EXPIRED"))],
  ],
  ["D1", "a wrong password let in", [{ ...S, rightPassword: false }]],
];

describe("the checker", () => {
  test.each(GOOD)("accepts %s", (_name, calls) => {
    expect(checkHistory(calls, RULES)).toEqual([]);
  });

  test.each(BAD)("notices %s: %s", (guarantee, _name, calls) => {
    expect(checkHistory(calls, RULES).map((violation) => violation.guarantee)).toContain(guarantee);
  });

  test("notices a login refused although there is room (N3)", () => {
    const rules = { ...RULES, limitPolicy: "reject" } as const;
    const calls = [S, refusedLogin("SESSION_LIMIT_EXCEEDED", [10, 11])];
    expect(checkHistory(calls, rules).map(({ guarantee }) => guarantee)).toEqual(["N3"]);
    const full = [S, login("t", [2, 3]), refusedLogin("SESSION_LIMIT_EXCEEDED", [10, 11])];
    expect(checkHistory(full, rules)).toEqual([]);
  });

  test("notices what Postgres does not know of (L4, R1, R3, N4, A3, O3)", () => {
    const record = {
      userId: "u",
      generation: 1,
      endReason: undefined,
      events: { ended: 0, rotated: 1, reused: 1, reuseEnded: 0 },
    };
    const aftermath = {
      sessions: new Map([["s", record]]),
      openSessions: new Map([["u", ["s", "phantom"]]]),
      activity: { bySession: new Map([["s", 3]]), flushes: 2 },
    };
    const found = checkHistory([S, end("s", [10, 20])], RULES, aftermath);
    const broken = new Set(found.map(({ guarantee }) => guarantee));
    expect([...broken].sort()).toEqual(["A3", "L4", "N4 A3", "O3", "R1", "R3"]);
  });
});
