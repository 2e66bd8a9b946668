import { describe, expect, test } from "vitest";
import type { AccessClaims } from "../../../../src/access_token/access_claims.js";
import { accessTokenTerms, issueTokens } from "../../../../src/core/login/issue_tokens.js";
import type { RefreshTokenContent } from "../../../../src/core/ports/refresh_token_codec.js";
import { HOUR, NOW, SETTINGS, session } from "../samples.js";

const ids = { next: (now: number) => `id at ${now}` };

describe("an access token's life", () => {
  test.each([
    // Whole seconds, never shorter than the setting, never past the session's maximum.
    [NOW, NOW + HOUR, NOW, NOW + SETTINGS.accessTtlMs],
    [NOW + 1, NOW + HOUR, NOW, NOW + SETTINGS.accessTtlMs + 1000],
    [NOW + 999, NOW + HOUR, NOW, NOW + SETTINGS.accessTtlMs + 1000],
    [NOW, NOW + 5000, NOW, NOW + 5000],
    [NOW + 4999, NOW + 5000, NOW + 4000, NOW + 5000],
  ])("made at %d in a session to %d: from %d to %d", (now, until, issuedAt, expiresAt) => {
    expect(accessTokenTerms(ids, now, until, SETTINGS)).toEqual({
      jti: `id at ${now}`,
      issuedAt,
      expiresAt,
    });
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
    createdAt: NOW + 999,
    refresh: { generation: 7, rotatedAt: NOW, previousRotatedAt: NOW },
  });
  const now = NOW + HOUR + 250;
  const terms = accessTokenTerms(ids, now, refreshed.expiresAt, SETTINGS);
  const tokens = await issue(refreshed, ["admin"], terms, now, "tag");
  expect(tokens).toEqual({ accessToken: "access", refreshToken: "refresh", expiresIn: 900 });
  expect(signed).toEqual([
    {
      iss: SETTINGS.issuer,
      aud: [SETTINGS.audience],
      sub: "user",
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
