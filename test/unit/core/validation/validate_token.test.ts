import { describe, expect, test } from "vitest";
import type { AccessClaims } from "../../../../src/access_token/access_claims.js";
import type { HotEntry } from "../../../../src/core/ports/hot_store.js";
import { validateToken } from "../../../../src/core/validation/validate_token.js";
import { goodClaims, NOW } from "../samples.js";

const SECOND = Math.floor(NOW / 1000);
const ENTRY: HotEntry = {
  sessionId: "session",
  userId: "user",
  username: "ada",
  roles: [],
  expiresAt: NOW + 1_000_000,
  lastActivityAt: NOW,
};

const stage = (change: Partial<AccessClaims> | undefined = {}, now = SECOND * 1000) => {
  const asked: [string, number][] = [];
  const slept: number[] = [];
  const claims = goodClaims(change);
  const validate = validateToken({
    verifier: { verify: (token) => (token === "good" ? claims : Promise.resolve(undefined)) },
    check: async (sessionId, touchAt) => {
      asked.push([sessionId, touchAt]);
      return ENTRY;
    },
    clock: {
      now: () => now,
      monotonic: () => 0,
      sleep: async (ms) => void slept.push(ms),
    },
  });
  const ask = (accessToken = "good", audience = "", skipActivity = false) =>
    validate({ accessToken, audience, skipActivity });
  return { ask, asked, slept, claims };
};

describe("the verdict on a token", () => {
  test("of a live session says what is known, and counts as a use now", async () => {
    const { ask, asked, claims } = stage();
    expect(await ask()).toEqual({ claims, session: ENTRY });
    expect(asked).toEqual([["session", SECOND * 1000]]);
  });

  test("counts as no use when it is not to", async () => {
    const { ask, asked } = stage();
    await ask("good", "", true);
    expect(asked).toEqual([["session", 0]]);
  });

  test("knows each of its audiences, and names the claim for any other", async () => {
    const { ask, asked } = stage();
    await ask("good", "billing");
    await expect(ask("good", "orders")).rejects.toMatchObject({
      reason: "ACCESS_TOKEN_INVALID",
      metadata: { claim: "aud" },
    });
    expect(asked).toHaveLength(1);
  });

  test.each<[string, Partial<AccessClaims>, string]>([
    ["past its time", { exp: SECOND - 1 }, "ACCESS_TOKEN_EXPIRED"],
    ["at its time", { exp: SECOND }, "ACCESS_TOKEN_EXPIRED"],
    ["past the session's maximum", { exp: SECOND - 1, sexp: SECOND - 1 }, "SESSION_EXPIRED"],
    ["at the session's maximum", { exp: SECOND, sexp: SECOND }, "SESSION_EXPIRED"],
  ])("%s is given without asking any store", async (_when, change, reason) => {
    const { ask, asked, slept } = stage(change);
    await expect(ask()).rejects.toMatchObject({ reason });
    expect([asked, slept]).toEqual([[], []]);
  });

  test("of a bad token is given without asking any store", async () => {
    const { ask, asked } = stage();
    await expect(ask("bad")).rejects.toMatchObject({
      reason: "ACCESS_TOKEN_INVALID",
      metadata: {},
    });
    expect(asked).toEqual([]);
  });

  test("L2: just before the maximum waits until it has passed", async () => {
    const maximum = { exp: SECOND, sexp: SECOND };
    for (const left of [1, 20]) {
      const { ask, asked, slept } = stage({ ...maximum, exp: SECOND }, SECOND * 1000 - left);
      await expect(ask()).rejects.toMatchObject({ reason: "SESSION_EXPIRED" });
      expect([asked, slept]).toEqual([[], [left]]);
    }
    const { ask, slept } = stage(maximum, SECOND * 1000 - 21);
    expect(await ask()).toMatchObject({ session: ENTRY });
    expect(slept).toEqual([]);
  });

  test("of a token whose user is not the session's is no", async () => {
    const { ask } = stage({ sub: "somebody else" });
    await expect(ask()).rejects.toMatchObject({ reason: "SESSION_REVOKED_OR_INVALID" });
  });
});
