import { status as Code, Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { REASONS, type Reason } from "../../../src/core/errors.js";
import { createGateway } from "../../../src/gateway/index.js";
import { type Language, textOf } from "../../../src/rpc/messages/catalogue.js";
import { findFreePort } from "../../support/free_port.js";
import { type Fixture, startFixture } from "./fixture.js";
import { type RpcFailure, rpcFailure } from "./rpc_failure.js";
import { DESCRIPTORS } from "./stub_service.js";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture({
    localize: (reason, acceptLanguage) => {
      const locale: Language = acceptLanguage.startsWith("de") ? "de" : "en";
      return { text: textOf(locale, reason), locale };
    },
  });
});
beforeEach(() => fixture.stub.reset());
afterAll(() => fixture.stop());

const profile = (headers: Record<string, string> = {}) =>
  fixture.send({ method: "GET", url: "/auth/profile", headers });

const failWith = (failure: RpcFailure) =>
  fixture.stub.answer("GetProfile", () => {
    throw failure;
  });

describe("reasons", () => {
  test.each(Object.entries(REASONS))("%s keeps its code, status and text", async (name, row) => {
    const reason = name as Reason;
    failWith(rpcFailure(reason));
    const answer = await profile();
    expect(answer.statusCode).toBe(row.http);
    expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({
      status: row.http,
      code: reason.toLowerCase(),
      detail: textOf("en", reason),
    });
    expect(answer.headers["retry-after"] !== undefined).toBe(row.retryable);
    expect(answer.headers["www-authenticate"] !== undefined).toBe(row.http === 401);
  });

  test.each([
    ["SESSION_INACTIVITY_TIMEOUT", 401, "Session expired due to inactivity"],
    ["SESSION_LIMIT_EXCEEDED", 429, "Maximum number of concurrent sessions exceeded"],
    ["SESSION_REVOKED_OR_INVALID", 401, "Session has been revoked or is invalid"],
    ["ACCESS_TOKEN_BLACKLISTED", 401, "Access token has been revoked"],
  ] as const)("%s is the guide's", async (reason, status, detail) => {
    failWith(rpcFailure(reason));
    const answer = await profile();
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({ detail, code: reason.toLowerCase() });
  });

  test("a code that the gateway does not know passes through", async () => {
    const failure = rpcFailure("NOT_FOUND");
    failWith({ ...failure, code: Code.FAILED_PRECONDITION });
    const answer = await profile();
    expect(answer.statusCode).toBe(400);
    expect(answer.json().code).toBe("not_found");
  });
});

describe("details", () => {
  test("metadata, violations and the time to retry", async () => {
    const violations = [{ field: "requests[2].audience", description: "takes 255 characters" }];
    const metadata = { end_reason: "LOGOUT", ended_at: "2026-01-31T12:00:00Z" };
    failWith(rpcFailure("TOO_MANY_ATTEMPTS", { retryAfterMs: 1200, violations, metadata }));
    const answer = await profile();
    expect(answer.statusCode).toBe(429);
    expect(answer.headers["retry-after"]).toBe("2");
    expect(answer.json()).toMatchObject({ metadata, violations });
  });

  test("the service's language, and which it is", async () => {
    failWith(rpcFailure("SESSION_EXPIRED", {}, "fr"));
    const answer = await profile({ "accept-language": "fr" });
    expect(answer.json().detail).toBe(textOf("fr", "SESSION_EXPIRED"));
    expect(answer.headers["content-language"]).toBe("fr");
    const asked = fixture.stub.last().metadata.get("accept-language");
    expect(asked).toEqual(["fr"]);
  });

  test("the gateway's own refusals are localised too, and keep what is wrong", async () => {
    const answer = await fixture.post("/auth/login", "{", { "accept-language": "de" });
    expect(answer.headers["content-language"]).toBe("de");
    expect(answer.json().detail).toBe(
      `${textOf("de", "INVALID_ARGUMENT")} (The body is not valid JSON.)`,
    );
  });

  test.each([
    ["CREDENTIALS_MISSING", 'Bearer realm="curfew"'],
    ["INVALID_CREDENTIALS", 'Bearer realm="curfew"'],
    ["ACCESS_TOKEN_EXPIRED", 'Bearer realm="curfew", error="invalid_token"'],
  ] as const)("%s challenges with %s", async (reason, challenge) => {
    failWith(rpcFailure(reason));
    expect((await profile()).headers["www-authenticate"]).toBe(challenge);
  });

  test("the request id is the caller's if it is well formed, else a new one", async () => {
    failWith(rpcFailure("NOT_FOUND"));
    const named = await profile({ "x-request-id": "abc-1" });
    expect(named.json().request_id).toBe("abc-1");
    expect(named.headers["x-request-id"]).toBe("abc-1");
    expect(fixture.stub.last().metadata.get("x-request-id")).toEqual(["abc-1"]);
    const odd = await profile({ "x-request-id": 'a"b' });
    expect(odd.json().request_id).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("statuses without details", () => {
  test.each([
    [Code.UNAVAILABLE, 503, "dependency_unavailable"],
    [Code.UNAUTHENTICATED, 503, "dependency_unavailable"],
    [Code.PERMISSION_DENIED, 503, "dependency_unavailable"],
    [Code.DEADLINE_EXCEEDED, 504, "deadline_exceeded"],
    [Code.UNIMPLEMENTED, 501, "unimplemented"],
    [Code.RESOURCE_EXHAUSTED, 429, "too_many_attempts"],
    [Code.INTERNAL, 500, "internal"],
    [Code.UNKNOWN, 500, "internal"],
    [Code.DATA_LOSS, 500, "internal"],
  ])("%s is %s %s, and its text stays inside", async (code, status, name) => {
    failWith({ code, details: "connect ECONNREFUSED 10.0.0.7:5432", metadata: new Metadata() });
    const answer = await profile();
    expect(answer.statusCode).toBe(status);
    expect(answer.json().code).toBe(name);
    expect(answer.body).not.toContain("10.0.0.7");
  });

  test("details that cannot be decoded are a defect of the service, not of the call", async () => {
    const metadata = new Metadata();
    metadata.set("grpc-status-details-bin", Buffer.from([0xff, 0xff, 0xff]));
    failWith({ code: Code.UNAUTHENTICATED, details: "x", metadata });
    expect((await profile()).statusCode).toBeGreaterThanOrEqual(500);
  });

  test("a service that is not there is 503 with a time to retry, never 401", async () => {
    const gateway = await createGateway({
      target: `127.0.0.1:${await findFreePort()}`,
      descriptors: DESCRIPTORS,
      issuer: "https://auth.example",
      corsOrigins: [],
      trustedProxies: [],
      development: false,
      logger: false,
    });
    try {
      const answer = await gateway.inject({
        method: "GET",
        url: "/auth/profile",
        headers: { authorization: "Bearer t" },
      });
      expect(answer.statusCode).toBe(503);
      expect(answer.json().code).toBe("dependency_unavailable");
      expect(answer.headers["retry-after"]).toBe("1");
      expect(answer.body).not.toContain("127.0.0.1");
    } finally {
      await gateway.close();
    }
  });
});
