import { describe, expect, test } from "vitest";
import type { AccessClaims } from "../../../../src/access_token/access_claims.js";
import { accessTokenTerms, issueTokens } from "../../../../src/core/login/issue_tokens.js";
import type { RefreshTokenContent } from "../../../../src/core/ports/refresh_token_codec.js";
import { HOUR, NOW, SETTINGS, session } from "../samples.js";

const ids = { next: (now: number) => `id at ${now}` };

describe("an access token's life", () => {
  const elevated = { acr: "gold", elevatedAmr: ["otp"], acrExpiresAt: NOW + 5999 };

  test("I3 ends with the elevation that it says, on a whole second", () => {
    const terms = accessTokenTerms(ids, NOW, session(elevated), SETTINGS);
    expect(terms.expiresAt).toBe(NOW + 5000);
  });

  test("I3 does not know an elevation whose time is over", () => {
    const terms = accessTokenTerms(ids, NOW + 5000, session(elevated), SETTINGS);
    expect(terms.expiresAt).toBe(NOW + 5000 + SETTINGS.accessTtlMs);
  });

  test("is that of the session where somebody acts as the user", () => {
    const actor = { userId: "clerk", sessionId: undefined, reason: "" };
    const acting = session({ actor, expiresAt: NOW + HOUR });
    expect(accessTokenTerms(ids, NOW, acting, SETTINGS).expiresAt).toBe(NOW + HOUR);
  });

  test.each([
    // Whole seconds, never shorter than the setting, never past the session's maximum.
    [NOW, NOW + HOUR, NOW, NOW + SETTINGS.accessTtlMs],
    [NOW + 1, NOW + HOUR, NOW, NOW + SETTINGS.accessTtlMs + 1000],
    [NOW + 999, NOW + HOUR, NOW, NOW + SETTINGS.accessTtlMs + 1000],
    [NOW, NOW + 5000, NOW, NOW + 5000],
    [NOW + 4999, NOW + 5000, NOW + 4000, NOW + 5000],
  ])("made at %d in a session to %d: from %d to %d", (now, until, issuedAt, expiresAt) => {
    expect(accessTokenTerms(ids, now, session({ expiresAt: until }), SETTINGS)).toEqual({
      jti: `id at ${now}`,
      issuedAt,
      expiresAt,
    });
  });
});

describe("what the access token says of the sign-in", () => {
  const signedFor = async (given: Parameters<typeof session>[0], now = NOW) => {
    const signed: AccessClaims[] = [];
    const issue = issueTokens({
      signer: {
        async sign(claims) {
          signed.push(claims);
          return "access";
        },
      },
      codec: { mint: () => "refresh", parse: () => undefined },
      settings: SETTINGS,
    });
    const made = session(given);
    const terms = accessTokenTerms(ids, now, made, SETTINGS);
    return { tokens: await issue(made, [], terms, now), claims: signed[0] };
  };

  test("I3 it says an elevation until its time, and not after it", async () => {
    const elevated = { acr: "gold", elevatedAmr: ["otp", "pwd"], acrExpiresAt: NOW + 5999 };
    const before = await signedFor(elevated);
    expect(before.claims).toMatchObject({ acr: "gold", amr: ["pwd", "otp"] });
    const after = await signedFor(elevated, NOW + 5000);
    expect(after.claims).toMatchObject({ amr: ["pwd"] });
    expect(after.claims).not.toHaveProperty("acr");
  });

  test("an acr without an end of its own counts as long as the session", async () => {
    const { claims } = await signedFor({ acr: "gold" }, NOW + 100 * HOUR);
    expect(claims?.acr).toBe("gold");
  });

  test("it names who acts as the user, and there is no refresh token", async () => {
    const actor = { userId: "clerk", sessionId: "theirs", reason: "ticket 7" };
    const { claims, tokens } = await signedFor({ actor });
    expect(claims?.act).toEqual({ sub: "clerk", sid: "theirs" });
    expect(tokens.refreshToken).toBe("");
  });
});

test("the tokens say what the contract says, in whole seconds, and nothing personal", async () => {
  const signed: AccessClaims[] = [];
  const minted: RefreshTokenContent[] = [];
  const issue = issueTokens({
    signer: {
      async sign(claims) {
        signed.push(claims);
        return "access";
      },
    },
    codec: {
      mint(content) {
        minted.push(content);
        return "refresh";
      },
      parse: () => undefined,
    },
    settings: SETTINGS,
  });
  const refreshed = session({
    createdAt: NOW,
    authTime: NOW + 999,
    clientId: "web",
    refresh: { generation: 7, rotatedAt: NOW, previousRotatedAt: NOW },
  });
  const now = NOW + HOUR + 250;
  const terms = accessTokenTerms(ids, now, refreshed, SETTINGS);
  const tokens = await issue(refreshed, ["admin"], terms, now, "tag");
  expect(tokens).toEqual({ accessToken: "access", refreshToken: "refresh", expiresIn: 900 });
  expect(signed).toEqual([
    {
      iss: SETTINGS.issuer,
      aud: [SETTINGS.audience],
      sub: "user",
      client_id: "web",
      sid: "session",
      jti: `id at ${now}`,
      iat: (NOW + HOUR) / 1000,
      exp: (NOW + HOUR) / 1000 + 901,
      sexp: refreshed.expiresAt / 1000,
      auth_time: NOW / 1000,
      amr: ["pwd"],
      roles: ["admin"],
    },
  ]);
  expect(minted).toEqual([{ sessionId: "session", generation: 7, keyTag: "tag" }]);
});
