import { describe, expect, test } from "vitest";
import { fail, type Reason } from "../../../../src/core/errors.js";
import type { RefreshState, Session } from "../../../../src/core/session/session.js";
import { validateRefreshToken } from "../../../../src/core/validation/validate_refresh_token.js";
import { HOUR, NOW, session } from "../samples.js";

const GRACE_MS = 10_000;
const GENERATION_5: RefreshState = {
  generation: 5,
  rotatedAt: NOW - GRACE_MS / 2,
  previousRotatedAt: NOW - 2 * GRACE_MS,
};

/** Judges tokens `generation/session` of one recorded session. */
const stage = (recorded: Session | undefined, refusal?: Reason, expiresAt = NOW + HOUR) => {
  const slept: number[] = [];
  const touched: number[] = [];
  const judge = validateRefreshToken({
    codec: {
      parse(token) {
        const [generation, sessionId = "", more] = token.split("/");
        if (more !== undefined || generation === "forged") return undefined;
        return { generation: Number(generation), sessionId, keyTag: "" };
      },
    },
    store: { get: async (id) => (recorded?.id === id ? recorded : undefined) },
    async check(sessionId, touchAt) {
      touched.push(touchAt);
      if (refusal !== undefined) throw fail(refusal, { metadata: { end_reason: "ADMIN" } });
      const { userId } = recorded ?? session();
      return { sessionId, userId, username: "ada", roles: [], expiresAt, lastActivityAt: NOW };
    },
    answers: { apply: (_id, state) => state },
    clock: {
      now: () => NOW,
      monotonic: () => 0,
      async sleep(ms) {
        slept.push(ms);
      },
    },
    graceMs: GRACE_MS,
  });
  return { judge, slept, touched };
};

describe("a refresh token is judged as an exchange would, without one", () => {
  test.each([
    ["the newest", 5],
    ["the one before, within its grace time", 4],
  ])("%s is good, and its session is not used", async (_what, generation) => {
    const { judge, touched } = stage(session({ refresh: GENERATION_5 }));
    expect((await judge(`${generation}/session`)).session.userId).toBe("user");
    expect(touched).toEqual([0]);
  });

  test.each<[string, string, Reason]>([
    ["a forged token", "forged/session", "REFRESH_TOKEN_INVALID"],
    ["a token of a later generation", "6/session", "REFRESH_TOKEN_INVALID"],
    ["a token of an unknown session", "5/other", "SESSION_REVOKED_OR_INVALID"],
    ["an exchanged token after its grace time", "3/session", "REFRESH_TOKEN_REUSED"],
    ["a token of long ago", "0/session", "REFRESH_TOKEN_REUSED"],
  ])("%s is refused", async (_what, token, reason) => {
    const { judge } = stage(session({ refresh: GENERATION_5 }));
    await expect(judge(token)).rejects.toMatchObject({ reason });
  });

  test("R3 a token is refused once the grace time of its exchange is over", async () => {
    const rotatedAt = NOW - GRACE_MS;
    const { judge } = stage(session({ refresh: { ...GENERATION_5, rotatedAt } }));
    await expect(judge("4/session")).rejects.toMatchObject({ reason: "REFRESH_TOKEN_REUSED" });
  });
});

describe("L2 the session decides first", () => {
  test.each<[Reason, Reason]>([
    ["ACCESS_TOKEN_BLACKLISTED", "SESSION_REVOKED_OR_INVALID"],
    ["USER_INACTIVE", "SESSION_REVOKED_OR_INVALID"],
    ["SESSION_INACTIVITY_TIMEOUT", "SESSION_INACTIVITY_TIMEOUT"],
    ["SESSION_EXPIRED", "SESSION_EXPIRED"],
    ["DEPENDENCY_UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"],
    ["OVERLOADED", "OVERLOADED"],
  ])("a check that says %s is answered %s", async (found, reason) => {
    const { judge } = stage(session({ refresh: GENERATION_5 }), found);
    await expect(judge("0/session")).rejects.toMatchObject({
      reason,
      metadata: { end_reason: "ADMIN" },
    });
  });

  test("within the clocks' uncertainty of the maximum it answers after it, that it is over", async () => {
    const { judge, slept } = stage(session({ refresh: GENERATION_5 }), undefined, NOW + 15);
    await expect(judge("5/session")).rejects.toMatchObject({ reason: "SESSION_EXPIRED" });
    expect(slept).toEqual([15]);
  });
});
