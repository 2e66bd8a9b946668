import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Reason } from "../../../src/core/errors.js";
import { type Fixture, startFixture } from "./fixture.js";
import { rpcFailure } from "./rpc_failure.js";

const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const TYPES = "urn:ietf:params:oauth:token-type:";
const EXCHANGE = {
  grant_type: TOKEN_EXCHANGE,
  subject_token: "e30.e30.AA",
  subject_token_type: `${TYPES}id_token`,
};
const REFRESH = { grant_type: "refresh_token", refresh_token: "cfr_old" };
const TOKENS = { access_token: "access", refresh_token: "cfr_new", expires_in: 900 };

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
beforeEach(() => {
  fixture.stub.reset();
  fixture.stub.answer("ExchangeToken", () => TOKENS);
  fixture.stub.answer("RefreshTokens", () => TOKENS);
});
afterAll(() => fixture.stop());

const ask = (
  parameters: Record<string, string | undefined>,
  headers: Record<string, string> = {},
) => {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return fixture.send({
    method: "POST",
    url: "/oauth/token",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    payload: new URLSearchParams(given as [string, string][]).toString(),
  });
};

describe("token exchange (RFC 8693)", () => {
  test("answers tokens in OAuth's words", async () => {
    const answer = await ask({ ...EXCHANGE, client_id: "shop", nonce: "n", device_name: "phone" });

    expect(answer.statusCode).toBe(200);
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(answer.json()).toEqual({
      access_token: "access",
      issued_token_type: `${TYPES}access_token`,
      token_type: "Bearer",
      expires_in: 900,
      refresh_token: "cfr_new",
    });
    expect(fixture.stub.last().request).toMatchObject({
      subject_token: EXCHANGE.subject_token,
      subject_token_type: EXCHANGE.subject_token_type,
      client_id: "shop",
      nonce: "n",
      device_name: "phone",
    });
  });

  test("takes the client's name from Basic, and sends no credential on", async () => {
    await ask(EXCHANGE, { authorization: `Basic ${Buffer.from("shop:x").toString("base64")}` });

    expect(fixture.stub.last().request).toMatchObject({ client_id: "shop" });
    expect(fixture.stub.last().metadata.getMap()).not.toHaveProperty("authorization");
  });

  test.each<[Reason, string]>([
    ["SUBJECT_TOKEN_INVALID", "invalid_request"],
    ["USER_INACTIVE", "invalid_request"],
    ["NOT_FOUND", "invalid_request"],
    ["ALREADY_EXISTS", "invalid_request"],
    ["INVALID_ARGUMENT", "invalid_request"],
    ["PERMISSION_DENIED", "unauthorized_client"],
  ])("answers %s as 400 %s", async (reason, error) => {
    fixture.stub.answer("ExchangeToken", () => {
      throw rpcFailure(reason, { metadata: { check: "replayed" } });
    });
    const answer = await ask(EXCHANGE);

    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ error });
    expect(answer.headers).not.toHaveProperty("www-authenticate");
    if (reason === "SUBJECT_TOKEN_INVALID")
      expect(answer.json().error_description).toMatch(/: replayed$/);
  });

  test.each<[string, Record<string, string | undefined>, string]>([
    ["no subject token", { subject_token: undefined }, "invalid_request"],
    ["no type of the subject token", { subject_token_type: undefined }, "invalid_request"],
    ["another kind of token", { requested_token_type: `${TYPES}saml2` }, "invalid_request"],
    ["an actor", { actor_token: "x" }, "invalid_request"],
    ["an audience", { audience: "billing" }, "invalid_target"],
    ["a resource", { resource: "https://billing.example" }, "invalid_target"],
    ["another grant", { grant_type: "password" }, "unsupported_grant_type"],
    ["no grant", { grant_type: undefined }, "invalid_request"],
  ])("refuses %s before anything is asked", async (_name, change, error) => {
    const answer = await ask({ ...EXCHANGE, ...change });

    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ error });
    expect(fixture.stub.calls).toEqual([]);
  });
});

describe("refresh (RFC 6749 section 6)", () => {
  test("answers the successor", async () => {
    const answer = await ask(REFRESH);

    expect(answer.json()).toEqual({
      access_token: "access",
      token_type: "Bearer",
      expires_in: 900,
      refresh_token: "cfr_new",
    });
    expect(fixture.stub.last().request).toMatchObject({ refresh_token: "cfr_old" });
  });

  test.each<Reason>([
    "REFRESH_TOKEN_INVALID",
    "REFRESH_TOKEN_REUSED",
    "SESSION_REVOKED_OR_INVALID",
    "SESSION_INACTIVITY_TIMEOUT",
    "SESSION_EXPIRED",
    "USER_INACTIVE",
  ])("answers %s as 400 invalid_grant", async (reason) => {
    fixture.stub.answer("RefreshTokens", () => {
      throw rpcFailure(reason);
    });
    const answer = await ask(REFRESH);

    expect([answer.statusCode, answer.json().error]).toEqual([400, "invalid_grant"]);
  });
});

test.each([
  ["ExchangeToken", EXCHANGE],
  ["RefreshTokens", REFRESH],
])(
  "an outage of %s is 503 with a time to retry, never a refusal of the token",
  async (method, form) => {
    for (const reason of ["DEPENDENCY_UNAVAILABLE", "OVERLOADED", "DEADLINE_EXCEEDED"] as const) {
      fixture.stub.answer(method, () => {
        throw rpcFailure(reason);
      });
      const answer = await ask(form);

      expect([answer.statusCode, answer.json().error]).toEqual([503, "temporarily_unavailable"]);
      expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    }
  },
);

test("the metadata names the endpoint and its grants", async () => {
  const { url } = { url: "/.well-known/oauth-authorization-server" };
  const document = (await fixture.send({ method: "GET", url })).json();

  expect(document.token_endpoint).toMatch(/\/oauth\/token$/);
  expect(document.grant_types_supported).toEqual([TOKEN_EXCHANGE, "refresh_token"]);
});
