import { describe, expect, test } from "vitest";
import type { AccessClaims } from "../../../../src/access_token/access_claims.js";
import { fail, type Reason } from "../../../../src/core/errors.js";
import type { RefreshTokenCodec } from "../../../../src/core/ports/refresh_token_codec.js";
import type { SessionStore } from "../../../../src/core/ports/session_store.js";
import { logout } from "../../../../src/core/revocation/logout.js";
import type { EndCause, RevokeSessions } from "../../../../src/core/revocation/revoke_sessions.js";
import { session } from "../samples.js";

const claims = (sid: string): AccessClaims => ({
  iss: "https://curfew.test",
  aud: ["curfew"],
  sub: "ada",
  sid,
  jti: "token",
  iat: 1,
  exp: 2,
  sexp: 3,
  auth_time: 1,
  amr: ["pwd"],
  roles: [],
});

/** `one` and `again` are tokens of one session, `other` of another. */
const TOKENS: Readonly<Record<string, AccessClaims>> = {
  one: claims("first"),
  again: claims("first"),
  other: claims("second"),
};

const stage = (failure?: Reason) => {
  const ended: [string, EndCause, string | undefined][] = [];
  const end: Pick<RevokeSessions, "one"> = {
    async one(sessionId, cause, owner) {
      ended.push([sessionId, cause, owner]);
      if (failure !== undefined) throw fail(failure);
      return 7n;
    },
  };
  const verifier = { verify: (token: string) => TOKENS[token] };
  const codec: Pick<RefreshTokenCodec, "parse"> = {
    parse: (token) =>
      token.startsWith("refresh ")
        ? { sessionId: token.slice("refresh ".length), generation: 0, keyTag: "" }
        : undefined,
  };
  const store: Pick<SessionStore, "get"> = {
    get: async (id) => (id === "gone" ? undefined : session({ id, userId: "ada" })),
  };
  const act = logout({ verifier, codec, store, end: end as RevokeSessions });
  const ip = "192.0.2.1";
  return {
    ended,
    logout: (accessToken: string, bearer = "", refreshToken?: string) =>
      act({ accessToken, bearer, refreshToken, ip }),
  };
};

const ENDED = ["first", { reason: "LOGOUT", by: "ada", ip: "192.0.2.1" }, "ada"];

describe("a logout with a refresh token", () => {
  test.each([
    ["alone", "", ""],
    ["beside the request's token", "one", ""],
    ["beside the bearer", "", "one"],
    ["beside both", "again", "one"],
  ])("%s ends its session", async (_what, accessToken, bearer) => {
    const { logout, ended } = stage();
    expect(await logout(accessToken, bearer, "refresh first")).toBe(7n);
    expect(ended).toEqual([ENDED]);
  });

  test("that is none of ours ends nothing, whatever comes with it", async () => {
    const { logout, ended } = stage();
    const reason = "REFRESH_TOKEN_INVALID";
    await expect(logout("", "", "forged")).rejects.toMatchObject({ reason });
    await expect(logout("one", "", "forged")).rejects.toMatchObject({ reason });
    expect(ended).toEqual([]);
  });

  test("of another session than the access token ends neither", async () => {
    const { logout, ended } = stage();
    const violation = { field: "refresh_token" };
    for (const [accessToken, bearer] of [
      ["one", ""],
      ["", "one"],
      ["one", "again"],
    ] as const)
      await expect(logout(accessToken, bearer, "refresh second")).rejects.toMatchObject({
        reason: "INVALID_ARGUMENT",
        violations: [violation],
      });
    expect(ended).toEqual([]);
  });

  test("of a session that is no longer on record is OK", async () => {
    const { logout, ended } = stage();
    expect(await logout("", "", "refresh gone")).toBe(0n);
    expect(ended).toEqual([]);
  });
});

describe("a logout", () => {
  test.each([
    ["the request's token", "one", ""],
    ["the bearer", "", "one"],
    ["both, of one session", "one", "again"],
  ])("ends the session of %s", async (_what, accessToken, bearer) => {
    const { logout, ended } = stage();
    expect(await logout(accessToken, bearer)).toBe(7n);
    expect(ended).toEqual([ENDED]);
  });

  test.each<[string, string, string, Reason]>([
    ["nothing", "", "", "CREDENTIALS_MISSING"],
    ["a bad token", "forged", "", "ACCESS_TOKEN_INVALID"],
    ["a bad bearer", "", "forged", "ACCESS_TOKEN_INVALID"],
    ["a good token and a bad bearer", "one", "forged", "ACCESS_TOKEN_INVALID"],
    ["a bad token and a good bearer", "forged", "one", "ACCESS_TOKEN_INVALID"],
  ])("with %s ends nothing", async (_what, accessToken, bearer, reason) => {
    const { logout, ended } = stage();
    await expect(logout(accessToken, bearer)).rejects.toMatchObject({ reason });
    expect(ended).toEqual([]);
  });

  test("with tokens of two sessions ends neither, and says which field is wrong", async () => {
    const { logout, ended } = stage();
    const description = "must be of the same session as the bearer token";
    await expect(logout("one", "other")).rejects.toMatchObject({
      reason: "INVALID_ARGUMENT",
      violations: [{ field: "access_token", description }],
    });
    expect(ended).toEqual([]);
  });

  test("of a session that is no longer on record is OK; an outage is not", async () => {
    expect(await stage("NOT_FOUND").logout("one")).toBe(0n);
    await expect(stage("DEPENDENCY_UNAVAILABLE").logout("one")).rejects.toMatchObject({
      reason: "DEPENDENCY_UNAVAILABLE",
    });
  });
});
