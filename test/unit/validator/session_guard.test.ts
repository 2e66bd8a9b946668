import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { guardSession } from "../../../src/validator/session_guard.js";
import type { ValidSession } from "../../../src/validator/valid_session.js";
import { outage, ValidatorError } from "../../../src/validator/validator_error.js";

const HOUR = 3_600_000;
const IDLE_MS = 60_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A guard of a session that is idle after a minute, on a machine whose clock is wrong by `skew`. */
const stage = (skew: number, verdicts: (ValidatorError | undefined)[]) => {
  const startedAt = Date.now();
  const curfewsClock = () => Date.now() - skew;
  const session = (): ValidSession => ({
    userId: "u",
    username: "ada",
    roles: [],
    sessionId: "s",
    jti: "j",
    amr: [],
    issuedAt: new Date(curfewsClock()),
    expiresAt: new Date(curfewsClock() + HOUR),
    authTime: new Date(curfewsClock()),
    lastActivityAt: new Date(curfewsClock()),
    idleExpiresAt: new Date(curfewsClock() + IDLE_MS),
    revision: 1n,
  });
  const asked: number[] = [];
  const ended: string[] = [];
  guardSession({
    session: session(),
    onEnded: ({ reason }) => ended.push(reason),
    watch: () => () => undefined,
    touch: () => undefined,
    latest: curfewsClock,
    async ask() {
      asked.push(Date.now() - startedAt);
      const verdict = verdicts.shift();
      if (verdict !== undefined) throw verdict;
      return session();
    },
  });
  return { asked, ended };
};

for (const [clock, skew] of [
  ["right", 0],
  ["an hour ahead", HOUR],
  ["an hour behind", -HOUR],
] as const) {
  test(`A2: Curfew is asked when the session may be idle, by a machine whose clock is ${clock}`, async () => {
    const { asked, ended } = stage(skew, [
      undefined,
      new ValidatorError("SESSION_INACTIVITY_TIMEOUT"),
    ]);
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(asked).toEqual([IDLE_MS, 2 * IDLE_MS]);
    expect(ended).toEqual(["SESSION_INACTIVITY_TIMEOUT"]);
  });
}

test("an outage ends nothing, and is asked about again", async () => {
  vi.spyOn(Math, "random").mockReturnValueOnce(0).mockReturnValueOnce(1);
  const { asked, ended } = stage(0, [outage("down"), new ValidatorError("OVERLOADED"), undefined]);
  await vi.advanceTimersByTimeAsync(IDLE_MS + 10_000);
  vi.restoreAllMocks();
  expect(asked).toEqual([IDLE_MS, IDLE_MS + 1000, IDLE_MS + 2500]);
  expect(ended).toEqual([]);
});

test("a token that expired says nothing of its session", async () => {
  const { asked, ended } = stage(0, [new ValidatorError("ACCESS_TOKEN_EXPIRED")]);
  await vi.advanceTimersByTimeAsync(HOUR);
  expect(asked).toEqual([IDLE_MS]);
  expect(ended).toEqual([]);
});
