import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Access } from "../../../generated/curfew/options/v1/options.js";
import type { Reason } from "../../../src/core/errors.js";
import { type Fixture, startFixture } from "./fixture.js";
import { rpcFailure } from "./rpc_failure.js";

const FORM = "application/x-www-form-urlencoded";
const INTROSPECT = "/oauth/introspect";
const REVOKE = "/oauth/revoke";
const KEY = "cfs_key";
const BEARER = { authorization: `Bearer ${KEY}` };
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`,
});

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture({ openAccess: new Set([Access.PUBLIC]) });
});
beforeEach(() => fixture.stub.reset());
afterAll(() => fixture.stop());

const send = (url: string, payload: string, headers: Record<string, string> = {}) =>
  fixture.send({ method: "POST", url, headers: { "content-type": FORM, ...headers }, payload });

const metadataSent = () => fixture.stub.last().metadata.getMap();

/** A token that the stub finds good: only the claims matter. */
const tokenOf = (claims: object): string =>
  ["{}", JSON.stringify(claims), ""]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".");

const answerGood = () =>
  fixture.stub.answer("ValidateTokens", () => ({
    results: [{ token: { user_id: "user", username: "ada", roles: ["admin", "ops"] } }],
  }));

const failTokenWith = (reason: Reason, code: number) =>
  fixture.stub.answer("ValidateTokens", () => {
    const info = {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason,
      domain: "curfew",
    };
    return { results: [{ error: { code, message: reason, details: [info] } }] };
  });

describe("introspection", () => {
  const claims = {
    iss: "https://auth.example",
    sub: "user",
    aud: "curfew",
    client_id: "shop",
    exp: 2_000_000_000,
    iat: 1_900_000_000,
    jti: "jti",
    sid: "session",
    sexp: 2_100_000_000,
    amr: ["pwd", "otp"],
    acr: "urn:mfa",
    auth_time: 1_900_000_000,
    act: { sub: "admin" },
    roles: ["admin"],
  };

  test("answers the claims of a good token, and the user's name and roles as they are now", async () => {
    answerGood();
    const token = tokenOf(claims);
    const answer = await send(INTROSPECT, `token=${token}`, BEARER);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers["content-type"]).toMatch(/^application\/json/);
    expect(answer.headers["cache-control"]).toBe("no-store");
    const { sexp: _sexp, roles: _roles, ...copied } = claims;
    expect(answer.json()).toEqual({
      active: true,
      ...copied,
      username: "ada",
      scope: "admin ops",
      token_type: "Bearer",
    });
    expect(fixture.stub.last().request).toEqual({
      requests: [{ access_token: token, audience: "", skip_activity: false }],
    });
  });

  test("has no member for a claim that the token does not have", async () => {
    fixture.stub.answer("ValidateTokens", () => ({ results: [{ token: { username: "ada" } }] }));
    const answer = await send(INTROSPECT, `token=${tokenOf({ sub: "user" })}`, BEARER);
    expect(answer.json()).toEqual({
      active: true,
      sub: "user",
      username: "ada",
      token_type: "Bearer",
    });
  });

  test("asks about the tokens of one turn of the event loop in one call, for each caller", async () => {
    fixture.stub.answer("ValidateTokens", ({ request }) => {
      const { requests } = request as { requests: { access_token: string }[] };
      const results = requests.map(({ access_token }) => {
        const [, claims = ""] = access_token.split(".");
        const { sub } = JSON.parse(Buffer.from(claims, "base64url").toString());
        return sub === "bad"
          ? { error: { code: status.UNAUTHENTICATED } }
          : { token: { username: `name of ${sub}` } };
      });
      return { results };
    });
    const other = { authorization: `${BEARER.authorization}2` };
    const asked = ["a", "bad", "b"].flatMap((sub) =>
      [BEARER, other].map(async (headers) => {
        const answer = await send(INTROSPECT, `token=${tokenOf({ sub })}`, headers);
        return [sub, answer.json().username];
      }),
    );
    const names = { a: "name of a", b: "name of b", bad: undefined };
    for (const [sub, username] of await Promise.all(asked))
      expect(username).toBe(names[sub as keyof typeof names]);
    expect(fixture.stub.calls.map(({ metadata }) => metadata.get("authorization")[0])).toEqual(
      expect.arrayContaining([BEARER.authorization, other.authorization]),
    );
    expect(fixture.stub.calls.length).toBeLessThan(6);
  });

  test("asks about a token that is too long to be one of ours in a call of its own", async () => {
    fixture.stub.answer("ValidateTokens", ({ request }) => ({
      results: (request as { requests: object[] }).requests.map(() => ({
        error: { code: status.UNAUTHENTICATED },
      })),
    }));
    const long = `token=${"a".repeat(60_000)}`;
    const answers = await Promise.all(
      [long, long, long].map((body) => send(INTROSPECT, body, BEARER)),
    );
    expect(answers.map(({ body }) => body)).toEqual(Array(3).fill('{"active":false}'));
    expect(fixture.stub.calls).toHaveLength(3);
  });

  test("is no use of the session where the caller says so", async () => {
    answerGood();
    await send(INTROSPECT, `token=${tokenOf({})}`, { ...BEARER, "x-skip-activity": "true" });
    expect(fixture.stub.last().request).toMatchObject({ requests: [{ skip_activity: true }] });
  });

  test.each<Reason>([
    "ACCESS_TOKEN_INVALID",
    "ACCESS_TOKEN_EXPIRED",
    "ACCESS_TOKEN_BLACKLISTED",
    "SESSION_EXPIRED",
    "SESSION_INACTIVITY_TIMEOUT",
    "SESSION_REVOKED_OR_INVALID",
    "USER_INACTIVE",
  ])("answers exactly inactive for a token that is %s", async (reason) => {
    failTokenWith(reason, status.UNAUTHENTICATED);
    const answer = await send(INTROSPECT, "token=any", BEARER);
    expect([answer.statusCode, answer.body]).toEqual([200, '{"active":false}']);
  });

  test.each<[Reason, number]>([
    ["DEPENDENCY_UNAVAILABLE", status.UNAVAILABLE],
    ["OVERLOADED", status.RESOURCE_EXHAUSTED],
    ["DEADLINE_EXCEEDED", status.DEADLINE_EXCEEDED],
  ])("answers 503 for a token of which %s, never inactive", async (reason, code) => {
    failTokenWith(reason, code);
    const answer = await send(INTROSPECT, "token=any", BEARER);
    expect(answer.statusCode).toBe(503);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    expect(answer.json()).toMatchObject({ error: "temporarily_unavailable" });
  });

  test("judges a refresh token by ValidateRefreshToken", async () => {
    fixture.stub.answer("ValidateRefreshToken", () => ({
      user_id: "user",
      username: "ada",
      roles: ["ops"],
      session_id: "session",
      client_id: "shop",
      amr: ["pwd"],
      auth_time: "2030-01-01T00:00:00Z",
      expires_at: "2030-01-08T00:00:00Z",
    }));
    const answer = await send(INTROSPECT, "token=cfr_t&token_type_hint=nonsense", BEARER);
    expect(answer.json()).toEqual({
      active: true,
      iss: "https://auth.example",
      sub: "user",
      client_id: "shop",
      amr: ["pwd"],
      exp: Date.UTC(2030, 0, 8) / 1000,
      sid: "session",
      username: "ada",
      scope: "ops",
      auth_time: Date.UTC(2030, 0, 1) / 1000,
      token_type: "refresh_token",
    });
  });

  test.each<Reason>([
    "REFRESH_TOKEN_INVALID",
    "REFRESH_TOKEN_REUSED",
    "SESSION_REVOKED_OR_INVALID",
    "SESSION_INACTIVITY_TIMEOUT",
    "SESSION_EXPIRED",
  ])("answers exactly inactive for a refresh token that is %s", async (reason) => {
    fixture.stub.answer("ValidateRefreshToken", () => {
      throw rpcFailure(reason);
    });
    const answer = await send(INTROSPECT, "token=cfr_t", BEARER);
    expect([answer.statusCode, answer.body]).toEqual([200, '{"active":false}']);
  });

  test.each(["token=any", "token=cfr_t"])("answers 503 in an outage (%s)", async (body) => {
    for (const method of ["ValidateTokens", "ValidateRefreshToken"])
      fixture.stub.answer(method, () => {
        throw rpcFailure("DEPENDENCY_UNAVAILABLE", { retryAfterMs: 2000 });
      });
    const answer = await send(INTROSPECT, body, BEARER);
    expect(answer.statusCode).toBe(503);
    expect(answer.headers["retry-after"]).toBe("2");
  });
});

describe("client authentication", () => {
  test.each([
    ["Basic", "", basic("shop", KEY), basic("shop", KEY)],
    ["Basic, form-encoded", "", basic("my%20shop", "cfs%5Fkey"), basic("my shop", KEY)],
    ["Basic and its own client_id", "&client_id=shop", basic("shop", KEY), basic("shop", KEY)],
    ["the body", `&client_id=shop&client_secret=${KEY}`, {}, basic("shop", KEY)],
    ["Bearer", "", BEARER, BEARER],
  ])("%s reaches the service as one credential", async (_what, body, headers, sent) => {
    answerGood();
    expect((await send(INTROSPECT, `token=${tokenOf({})}${body}`, headers)).statusCode).toBe(200);
    expect(metadataSent()).toMatchObject(sent);
  });

  test.each<[string, string, Record<string, string>, number, string]>([
    ["none", "", {}, 401, "invalid_client"],
    ["a client_id alone", "&client_id=shop", {}, 401, "invalid_client"],
    ["a user's bearer token", "", { authorization: "Bearer eyJ" }, 401, "invalid_client"],
    ["another scheme", "", { authorization: "Digest a" }, 401, "invalid_client"],
    ["Basic without a colon", "", { authorization: "Basic YQ==" }, 401, "invalid_client"],
    ["a header without a value", "", { authorization: "Basic" }, 401, "invalid_client"],
    ["an assertion", "&client_assertion=x", {}, 401, "invalid_client"],
    ["a secret without an id", `&client_secret=${KEY}`, {}, 400, "invalid_request"],
    [
      "header and body",
      "&client_id=shop&client_secret=x",
      basic("shop", KEY),
      400,
      "invalid_request",
    ],
    ["bearer and body", "&client_id=shop&client_secret=x", BEARER, 400, "invalid_request"],
    ["two ids", "&client_id=other", basic("shop", KEY), 400, "invalid_request"],
  ])("%s is refused before the service is asked", async (_what, body, headers, code, error) => {
    const answer = await send(INTROSPECT, `token=any${body}`, headers);
    expect([answer.statusCode, answer.json().error]).toEqual([code, error]);
    expect(answer.headers["www-authenticate"] !== undefined).toBe(code === 401);
    expect(fixture.stub.calls).toEqual([]);
  });

  test.each<[Reason, string]>([
    ["ACCESS_TOKEN_INVALID", "invalid_client"],
    ["PERMISSION_DENIED", "insufficient_scope"],
  ])(
    "a caller that the service refuses with %s gets 401, whatever the token",
    async (reason, error) => {
      for (const method of ["ValidateTokens", "ValidateRefreshToken"])
        fixture.stub.answer(method, () => {
          throw rpcFailure(reason);
        });
      for (const token of ["any", "cfr_t"]) {
        const byKey = await send(INTROSPECT, `token=${token}`, basic("shop", KEY));
        expect([byKey.statusCode, byKey.json().error]).toEqual([401, error]);
        expect(byKey.headers["www-authenticate"]).toMatch(/^Basic /);
        const byBearer = await send(INTROSPECT, `token=${token}`, BEARER);
        expect(byBearer.statusCode).toBe(401);
        expect(byBearer.headers["www-authenticate"]).toMatch(/^Bearer .*error="/);
      }
    },
  );

  test("is not needed where services need not prove who they are", async () => {
    const open = await startFixture();
    try {
      open.stub.answer("ValidateTokens", () => ({ results: [{ token: {} }] }));
      const headers = { "content-type": FORM };
      const payload = `token=${tokenOf({})}`;
      const answer = await open.send({ method: "POST", url: INTROSPECT, headers, payload });
      expect(answer.json()).toMatchObject({ active: true });
    } finally {
      await open.stop();
    }
  });
});

describe("revocation", () => {
  test.each([
    ["an access token", "eyJ", { access_token: "eyJ" }],
    ["a refresh token", "cfr_t", { refresh_token: "cfr_t" }],
  ])("of %s is a logout without a credential", async (_what, token, request) => {
    const answer = await send(REVOKE, `token=${token}&client_id=shop`, basic("shop", "any"));
    expect([answer.statusCode, answer.body]).toEqual([200, ""]);
    expect(fixture.stub.last()).toMatchObject({ method: "Logout", request });
    expect(metadataSent()).not.toHaveProperty("authorization");
  });

  test.each<Reason>(["ACCESS_TOKEN_INVALID", "REFRESH_TOKEN_INVALID"])(
    "of a token that is none of ours (%s) is done",
    async (reason) => {
      fixture.stub.answer("Logout", () => {
        throw rpcFailure(reason);
      });
      expect((await send(REVOKE, "token=any")).statusCode).toBe(200);
    },
  );

  test.each<[Reason, number]>([
    ["DEPENDENCY_UNAVAILABLE", 503],
    ["OVERLOADED", 503],
    ["DEADLINE_EXCEEDED", 503],
    ["INTERNAL", 500],
  ])("L4 that is not certain (%s) is never OK", async (reason, code) => {
    fixture.stub.answer("Logout", () => {
      throw rpcFailure(reason);
    });
    const answer = await send(REVOKE, "token=any");
    expect(answer.statusCode).toBe(code);
    expect(answer.headers["retry-after"] !== undefined).toBe(code === 503);
  });
});

describe.each([INTROSPECT, REVOKE])("D8 bad input to %s", (url) => {
  test.each<[string, string, Record<string, string>, number]>([
    ["no token", "hint=a", {}, 400],
    ["an empty body", "", {}, 400],
    ["an empty token", "token=", {}, 400],
    ["a token twice", "token=a&token=b", {}, 400],
    ["a body that is no form", "token=%zz", {}, 400],
    ["JSON", '{"token":"a"}', { "content-type": "application/json" }, 415],
    ["another charset", "token=a", { "content-type": `${FORM}; charset=latin1` }, 415],
    ["a packed body", "token=a", { "content-encoding": "gzip" }, 415],
    ["megabytes", `token=${"a".repeat(3_000_000)}`, {}, 413],
  ])("%s is invalid_request", async (_what, body, headers, code) => {
    const answer = await send(url, body, { ...BEARER, ...headers });
    expect([answer.statusCode, answer.json().error]).toEqual([code, "invalid_request"]);
    expect(answer.json().error_description).toMatch(/^[ !#-[\]-~]+$/);
    expect(fixture.stub.calls).toEqual([]);
  });

  test.each(["GET", "PUT", "PATCH", "DELETE"] as const)("%s is refused", async (method) => {
    const answer = await fixture.send({ method, url: `${url}?token=secret`, headers: BEARER });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers.allow).toBe("OPTIONS, POST");
    expect(answer.json()).toMatchObject({ error: "invalid_request" });
    expect(answer.body).not.toContain("secret");
    expect(fixture.stub.calls).toEqual([]);
  });

  test("OPTIONS names the methods", async () => {
    const answer = await fixture.send({ method: "OPTIONS", url });
    expect([answer.statusCode, answer.headers.allow]).toEqual([204, "OPTIONS, POST"]);
  });
});

describe("metadata", () => {
  const KEYS = { keys: [{ alg: "EdDSA" }, { alg: "ES256" }, { alg: "EdDSA" }] };

  test.each(["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"])(
    "%s names what exists, with the algorithms of all published keys",
    async (url) => {
      fixture.stub.answer("GetJwks", () => KEYS);
      const answer = await fixture.send({ url });
      expect(answer.statusCode).toBe(200);
      expect(answer.headers["cache-control"]).toBe("public, max-age=300");
      expect(answer.json()).toMatchObject({
        issuer: "https://auth.example",
        jwks_uri: "https://auth.example/.well-known/jwks.json",
        introspection_endpoint: "https://auth.example/oauth/introspect",
        revocation_endpoint: "https://auth.example/oauth/revoke",
        id_token_signing_alg_values_supported: ["EdDSA", "ES256"],
      });
    },
  );

  test("every endpoint in it exists", async () => {
    const document = (await fixture.send({ url: "/.well-known/openid-configuration" })).json();
    const named = Object.entries(document).filter(([name]) => /_(endpoint|uri)$/.test(name));
    expect(named.length).toBeGreaterThanOrEqual(3);
    for (const [, url] of named) {
      const { pathname } = new URL(String(url));
      const answer = await fixture.send({ method: "OPTIONS", url: pathname });
      expect([pathname, answer.statusCode]).toEqual([pathname, 204]);
    }
  });

  test("of an issuer with a path stands where RFC 8414 looks for it", async () => {
    const issuer = "https://example.com/auth/";
    const nested = await startFixture({ issuer });
    try {
      const url = "/.well-known/oauth-authorization-server/auth";
      expect((await nested.send({ url })).json()).toMatchObject({
        issuer,
        jwks_uri: "https://example.com/auth/.well-known/jwks.json",
      });
    } finally {
      await nested.stop();
    }
  });

  test("of an issuer that is no URL does not exist", async () => {
    const named = await startFixture({ issuer: "curfew" });
    try {
      const answer = await named.send({ url: "/.well-known/openid-configuration" });
      expect(answer.statusCode).toBe(404);
      expect(answer.json().detail).toContain("JWT_ISSUER");
    } finally {
      await named.stop();
    }
  });

  test("in an outage is 503", async () => {
    fixture.stub.answer("GetJwks", () => {
      throw rpcFailure("DEPENDENCY_UNAVAILABLE", { retryAfterMs: 1000 });
    });
    const answer = await fixture.send({ url: "/.well-known/openid-configuration" });
    expect(answer.statusCode).toBe(503);
  });
});
