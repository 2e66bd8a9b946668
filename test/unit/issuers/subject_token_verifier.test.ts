import { createHmac } from "node:crypto";
import { exportSPKI, importJWK } from "jose";
import { describe, expect, test } from "vitest";
import { goodClaims, NOW, providerKey, signed } from "../../support/identity_provider.js";
import { type VerifierStage, verifierStage } from "./verifier_stage.js";

const SECONDS = NOW / 1000;

const refused = (check: string, claim?: string) => ({
  reason: "SUBJECT_TOKEN_INVALID",
  metadata: { check, ...(claim && { claim }) },
});

const encode = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** A token with an HMAC in place of a signature, made with a text that everybody knows. */
const hmac = (header: unknown, claims: unknown, secret: string): string => {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
};

describe("a good token (I2)", () => {
  test("gives the subject, the times and the claims that the issuer's configuration names", async () => {
    const stage = await verifierStage({
      issuer: () => ({
        claims: {
          username: "login",
          displayName: "name",
          roles: "realm_access.roles",
          acr: "acr",
          amr: "amr",
        },
      }),
    });

    const answer = await stage.verify(
      await stage.token({
        login: "ada@example.com",
        name: "Ada L.",
        realm_access: { roles: ["editor", "staff", "editor"] },
        acr: "gold",
        amr: ["pwd", "otp"],
      }),
    );

    expect(answer).toMatchObject({
      subject: "ada",
      acceptedUntil: NOW + 305_000,
      authTime: NOW - 20_000,
      username: "ada@example.com",
      displayName: "Ada L.",
      roles: ["editor", "staff"],
      acr: "gold",
      amr: ["pwd", "otp"],
    });
  });

  test.each(["RS256", "ES256"])(
    "is accepted with %s, and with the keys of discovery",
    async (alg) => {
      const stage = await verifierStage({ keys: [await providerKey(alg)] });

      await expect(stage.verify(await stage.token())).resolves.toMatchObject({ subject: "ada" });
      expect(stage.provider.requests).toEqual(["/.well-known/openid-configuration", "/jwks"]);
    },
  );

  test("is accepted with the keys of jwks_uri, without discovery", async () => {
    const stage = await verifierStage({ issuer: (url) => ({ jwksUri: `${url}/jwks` }) });

    await stage.verify(await stage.token());
    await stage.verify(await stage.token({ jti: "other" }));

    expect(stage.provider.requests).toEqual(["/jwks"]);
  });

  test("names the same token by the same fingerprint, whatever its signature", async () => {
    const stage = await verifierStage({ keys: [await providerKey("ES256")] });
    const print = async (claims: Record<string, unknown>) =>
      (await stage.verify(await stage.token(claims))).fingerprint;

    // ES256 signs at random, so these are two texts of one token.
    expect(await print({})).toBe(await print({}));
    expect(await print({ jti: undefined })).toBe(await print({ jti: undefined }));
    expect(await print({ jti: "" })).toBe(await print({ jti: "" }));
    expect(await print({})).not.toBe(await print({ jti: "other" }));
    expect(await print({ jti: undefined })).not.toBe(await print({ jti: undefined, sub: "bob" }));
  });

  test.each([
    ["a claim without a mapping", {}, { username: undefined, roles: undefined, amr: [] }],
    ["an e-mail address", { email: "a@b.c" }, { username: "a@b.c" }],
    ["a preferred name", { email: "a@b.c", preferred_username: "ada" }, { username: "ada" }],
    ["methods in one text", { amr: "pwd otp" }, { amr: ["pwd", "otp"] }],
  ])("maps %s", async (_name, claims, expected) => {
    const stage = await verifierStage();

    await expect(stage.verify(await stage.token(claims))).resolves.toMatchObject(expected);
  });

  test("without auth_time counts from its iat", async () => {
    const stage = await verifierStage();

    await expect(stage.verify(await stage.token({ auth_time: undefined }))).resolves.toMatchObject({
      authTime: NOW - 10_000,
    });
  });

  test("whose issuer's clock is a little ahead is accepted, and has not signed in in the future", async () => {
    const stage = await verifierStage();
    const ahead = { iat: SECONDS + 4, nbf: SECONDS + 4, auth_time: SECONDS + 4 };

    await expect(stage.verify(await stage.token(ahead))).resolves.toMatchObject({ authTime: NOW });
  });

  test("may be for several parties when it was issued to one of ours", async () => {
    const stage = await verifierStage();

    await expect(
      stage.verify(await stage.token({ aud: ["web", "other"], azp: "web" })),
    ).resolves.toMatchObject({ subject: "ada" });
  });
});

describe("subjects are compared byte for byte (I1)", () => {
  test.each([
    ["case", "ada", "Ada"],
    ["normalisation", "caf\u00e9", "cafe\u0301"],
    ["width", "ada", "\uff41da"],
    ["space", "ada", "ada\u00a0"],
  ])("%s makes another one", async (_name, one, other) => {
    const stage = await verifierStage();
    const subjectOf = async (sub: string) =>
      (await stage.verify(await stage.token({ sub, jti: sub }))).subject;

    expect(await subjectOf(one)).toBe(one);
    expect(await subjectOf(other)).toBe(other);
  });

  test("255 bytes are a subject", async () => {
    const stage = await verifierStage();

    await expect(stage.verify(await stage.token({ sub: "a".repeat(255) }))).resolves.toBeDefined();
  });
});

describe("a token that is refused before anything is fetched (I2)", () => {
  const cases: [string, string, (stage: VerifierStage) => Promise<string>][] = [
    ["an unknown issuer", "issuer", (s) => s.token({ iss: `${s.provider.url}/` })],
    ["no issuer", "issuer", (s) => s.token({ iss: undefined })],
    [
      "no signature",
      "algorithm",
      async (s) => `${encode({ alg: "none" })}.${encode(goodClaims(s.provider.url))}.`,
    ],
    [
      "a removed signature",
      "signature",
      async (s) => `${(await s.token()).split(".").slice(0, 2).join(".")}.`,
    ],
    [
      "an HMAC",
      "algorithm",
      async (s) => hmac({ alg: "HS256", kid: "one" }, goodClaims(s.provider.url), "secret"),
    ],
    [
      "the public key as the secret of an HMAC",
      "algorithm",
      async (s) => {
        const pem = await exportSPKI(
          (await importJWK(s.key.publicJwk, "ES256", { extractable: true })) as CryptoKey,
        );
        return hmac({ alg: "HS256", kid: "one" }, goodClaims(s.provider.url), pem);
      },
    ],
    [
      "an algorithm that the issuer may not use",
      "algorithm",
      async (s) => signed(await providerKey("PS256"), goodClaims(s.provider.url)),
    ],
    [
      "a critical header",
      "critical_header",
      async (s) => {
        const header = { alg: "ES256", kid: "one", crit: ["exp"], exp: 1 };
        return `${encode(header)}.${encode(goodClaims(s.provider.url))}.AAAA`;
      },
    ],
    ["an access token", "type", (s) => s.token({}, { typ: "at+jwt" })],
    ["a logout token", "type", (s) => s.token({}, { typ: "logout+jwt" })],
    ["more than 16,384 characters", "length", (s) => s.token({ groups: "g".repeat(16_384) })],
    ["no token", "form", async () => "token"],
    ["an encrypted token", "form", async () => "a.b.c.d.e"],
    ["another spelling", "form", async (s) => `${await s.token()}=`],
    [
      "a claim twice",
      "form",
      async (s) => {
        const claims = JSON.stringify(goodClaims(s.provider.url));
        return `${encode({ alg: "ES256", kid: "one" })}.${encode(`{"sub":"eve",${claims.slice(1)}`)}.AAAA`;
      },
    ],
  ];
  test.each(cases)("%s", async (_name, check, make) => {
    const stage = await verifierStage();

    await expect(stage.verify(await make(stage))).rejects.toMatchObject(refused(check));
    expect(stage.provider.requests).toEqual([]);
  });
});

describe("a token that is refused (I2)", () => {
  const cases: [string, string, Record<string, unknown>, string?][] = [
    ["another audience", "audience", { aud: "other" }],
    ["no audience", "audience", { aud: undefined }],
    ["an audience that only begins like ours", "audience", { aud: ["web2"] }],
    ["an audience in another case", "audience", { aud: "Web" }],
    ["several audiences and no authorized party", "authorized_party", { aud: ["web", "other"] }],
    ["an authorized party that is not ours", "authorized_party", { azp: "other" }],
    ["a time of expiry that is past", "expired", { exp: SECONDS - 6 }],
    ["no expiry", "claims", { exp: undefined }, "exp"],
    ["an expiry that is a text", "claims", { exp: "2040" }, "exp"],
    ["an expiry beyond all calendars", "claims", { exp: 1e300 }, "exp"],
    ["no time of issue", "claims", { iat: undefined }, "iat"],
    ["a time of issue that is to come", "not_yet_valid", { iat: SECONDS + 6 }],
    ["a time before which it does not count", "not_yet_valid", { nbf: SECONDS + 6 }],
    ["a sign-in that is to come", "auth_time", { auth_time: SECONDS + 6 }],
    ["a sign-in that is no time", "claims", { auth_time: "now" }, "auth_time"],
    ["no subject", "subject", { sub: undefined }],
    ["an empty subject", "subject", { sub: "" }],
    ["a subject of 256 bytes", "subject", { sub: "a".repeat(256) }],
    ["a subject of 256 bytes in 128 characters", "subject", { sub: "\u00e9".repeat(128) }],
    ["a subject that is no text", "subject", { sub: 7 }],
    ["a subject that UTF-8 cannot say", "subject", { sub: "\ud800" }],
    ["a subject with a control character", "subject", { sub: "ada\u0000" }],
    ["an id that is no text", "claims", { jti: 7 }, "jti"],
    ["events of a logout token", "type", { events: {} }],
    ["Keycloak's word for an access token", "type", { typ: "Bearer" }],
    ["a name that is no text", "claims", { preferred_username: ["ada"] }, "preferred_username"],
    ["methods that are no texts", "claims", { amr: [1] }, "amr"],
  ];
  test.each(cases)("%s", async (_name, check, claims, claim) => {
    const stage = await verifierStage();

    await expect(stage.verify(await stage.token(claims))).rejects.toMatchObject(
      refused(check, claim),
    );
  });

  test.each([
    ["roles that are no texts", { groups: [{}] }],
    ["a role with a comma", { groups: ["a,b"] }],
    ["more than 100 roles", { groups: Array.from({ length: 101 }, (_, index) => `r${index}`) }],
  ])("%s", async (_name, claims) => {
    const names = { displayName: "name", roles: "groups", acr: "acr", amr: "amr" };
    const stage = await verifierStage({ issuer: () => ({ claims: names }) });

    await expect(stage.verify(await stage.token(claims))).rejects.toMatchObject(
      refused("claims", "groups"),
    );
  });

  test("a nonce other than the caller's", async () => {
    const stage = await verifierStage();
    const token = await stage.token({ nonce: "mine" });

    await expect(stage.verify(token, { nonce: "other" })).rejects.toMatchObject(refused("nonce"));
    await expect(stage.verify(await stage.token(), { nonce: "mine" })).rejects.toMatchObject(
      refused("nonce"),
    );
    await expect(stage.verify(token, { nonce: "mine" })).resolves.toBeDefined();
  });

  test("a signature by another key of the same name, or of other content", async () => {
    const stage = await verifierStage();
    const forged = await signed(await providerKey(), goodClaims(stage.provider.url));
    const [header = "", , signature = ""] = (await stage.token()).split(".");
    const changed = `${header}.${encode(goodClaims(stage.provider.url, { sub: "eve" }))}.${signature}`;

    await expect(stage.verify(forged)).rejects.toMatchObject(refused("signature"));
    await expect(stage.verify(changed)).rejects.toMatchObject(refused("signature"));
  });

  test("a header that brings its own key, or names a URL of one", async () => {
    const stage = await verifierStage();
    const eve = await providerKey("ES256", "eve");
    const header = { jwk: eve.publicJwk, jku: `${stage.provider.url}/eve` };
    const token = await signed(eve, goodClaims(stage.provider.url), header);

    await expect(stage.verify(token)).rejects.toMatchObject(refused("key"));
    expect(stage.provider.count("/eve")).toBe(0);
  });

  test("an algorithm for which the issuer's key of that name is not", async () => {
    const stage = await verifierStage();
    const token = await signed(await providerKey("RS256"), goodClaims(stage.provider.url));

    await expect(stage.verify(token)).rejects.toMatchObject(refused("key"));
    expect(stage.provider.count("/jwks")).toBe(1);
  });
});
