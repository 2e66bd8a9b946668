import { describe, expect, test } from "vitest";
import {
  END_REASONS,
  isLive,
  sessionState,
  timedOut,
} from "../../../../src/core/session/session.js";
import { session } from "../samples.js";

const IDLE = 1000;
const EXPIRES = 50_000;
const used = (lastActivityAt: number) => session({ lastActivityAt, expiresAt: EXPIRES });

describe("A2: an open session", () => {
  test.each([
    [10_000, 10_000, undefined],
    [10_000, 10_999, undefined],
    [10_000, 11_000, "IDLE_TIMEOUT"],
    [49_500, 49_999, undefined],
    // The maximum counts even for one in use, and before idleness.
    [49_500, 50_000, "EXPIRED"],
    [10_000, 50_000, "EXPIRED"],
    // A use that was noted by a clock that is ahead.
    [12_000, 11_000, undefined],
  ])("last used at %d is at %d: %s", (lastActivityAt, now, expected) => {
    const open = used(lastActivityAt);
    expect(timedOut(open, now, IDLE)).toBe(expected);
    expect(sessionState(open, now, IDLE)).toBe(expected ?? "ACTIVE");
    expect(isLive(open, now, IDLE)).toBe(expected === undefined);
  });
});

test.each(END_REASONS)("a session ended for %s stays so whatever the time", (reason) => {
  const ended = session({ end: { reason, at: 5, by: "", revision: 1n }, expiresAt: EXPIRES });
  const state = reason === "IDLE_TIMEOUT" || reason === "EXPIRED" ? reason : "REVOKED";
  for (const now of [0, 10_000, EXPIRES, 2 * EXPIRES]) {
    expect(sessionState(ended, now, IDLE)).toBe(state);
    expect(isLive(ended, now, IDLE)).toBe(false);
  }
});
