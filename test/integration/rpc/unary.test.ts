import { afterEach, describe, expect, test } from "vitest";
import {
  AuthServiceService,
  LoginRequest,
  ValidateTokenResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import { fail } from "../../../src/core/errors.js";
import {
  asService,
  call,
  metadataOf,
  refusalOf,
  type StubServer,
  send,
  startStubServer,
} from "./stub_server.js";

let stub: StubServer | undefined;
const start = async (...args: Parameters<typeof startStubServer>) => {
  stub = await startStubServer(...args);
  return stub;
};
afterEach(async () => {
  await stub?.close();
  stub = undefined;
});

const question = { accessToken: "token", audience: "", skipActivity: false };
const login = LoginRequest.create({ username: "ada", password: "pw" });

describe("a unary call", () => {
  test.each([
    ["at once", () => ValidateTokenResponse.create({ userId: "u" })],
    ["later", async () => ValidateTokenResponse.create({ userId: "u" })],
  ])("is answered %s and counted once", async (_when, validateToken) => {
    const { client, calls } = await start({ validateToken });
    const auth = client();
    const answer = await call(auth, "validateToken", question, asService);
    expect(answer.userId).toBe("u");
    expect(calls).toMatchObject([
      { method: "/curfew.v1.AuthService/ValidateToken", code: 0, reason: undefined },
    ]);
    expect(calls[0]?.ctx.caller).toMatchObject({ kind: "service", name: "billing" });
  });

  test.each([
    [
      "throws",
      () => {
        throw fail("SESSION_EXPIRED", { metadata: { a: "b" } });
      },
    ],
    [
      "rejects",
      async () => {
        throw fail("SESSION_EXPIRED", { metadata: { a: "b" } });
      },
    ],
  ])(
    "whose handler %s has a reason, facts and a text in the caller's language",
    async (_how, validateToken) => {
      const { client, calls } = await start({ validateToken });
      const auth = client();
      const metadata = asService.clone();
      metadata.set("accept-language", "fr-CA, en;q=0.5");
      const failure = await refusalOf(call(auth, "validateToken", question, metadata));
      expect(failure).toMatchObject({
        code: 16,
        details: "Session has reached its maximum lifetime",
        reason: "SESSION_EXPIRED",
        facts: { a: "b" },
        localized: { locale: "fr", message: "La session a atteint sa durée maximale" },
      });
      expect(calls).toMatchObject([{ code: 16, reason: "SESSION_EXPIRED" }]);
    },
  );

  test("speaks the language of the request before that of the metadata", async () => {
    const { client } = await start({
      login: () => {
        throw fail("INVALID_CREDENTIALS");
      },
    });
    const auth = client();
    const metadata = metadataOf({ "accept-language": "fr" });
    const refused = (request: LoginRequest) => refusalOf(call(auth, "login", request, metadata));
    expect(await refused({ ...login, language: "de-AT" })).toMatchObject({
      localized: { locale: "de" },
    });
    expect(await refused({ ...login, language: "xx" })).toMatchObject({
      localized: { locale: "fr" },
    });
    expect(await refused({ ...login, username: "", language: "es" })).toMatchObject({
      reason: "INVALID_ARGUMENT",
      localized: { locale: "es" },
    });
  });

  test.each([
    [
      "throws",
      () => {
        throw new TypeError("secret table missing");
      },
    ],
    ["rejects", () => Promise.reject(new TypeError("secret table missing"))],
    ["rejects with no error at all", () => Promise.reject(undefined)],
  ])(
    "whose handler %s is INTERNAL with a fixed text, and the process lives (D5)",
    async (_how, login_) => {
      const { client, calls } = await start({ login: login_ });
      const auth = client();
      const failure = await refusalOf(
        call(auth, "login", login, metadataOf({ "x-request-id": "req-7" })),
      );
      expect(failure).toMatchObject({ code: 13, details: "Internal error", reason: "INTERNAL" });
      expect(JSON.stringify(failure)).not.toContain("secret");
      expect(calls).toMatchObject([{ code: 13, reason: "INTERNAL" }]);
      expect(calls[0]?.ctx.requestId).toBe("req-7");
      expect((await call(auth, "getJwks", {})).keys).toEqual([]);
    },
  );

  test("that breaks the bounds never reaches its handler", async () => {
    let reached = false;
    const { client } = await start({
      login: () => {
        reached = true;
        throw fail("INTERNAL");
      },
    });
    const auth = client();
    const request = LoginRequest.create({ username: "a".repeat(255), deviceName: "x\0" });
    expect(await refusalOf(call(auth, "login", request))).toMatchObject({
      code: 3,
      reason: "INVALID_ARGUMENT",
      details: "The request is invalid: username must have at most 254 characters",
      fields: ["username", "password", "device_name"],
    });
    expect(reached).toBe(false);
  });

  test.each([
    ["cut short", Buffer.from([0x0a, 0x05, 0x61])],
    ["with text that is not UTF-8", Buffer.from([0x0a, 0x02, 0xc3, 0x28])],
    [
      "with long text that is not UTF-8",
      Buffer.concat([Buffer.from([0x0a, 0x64]), Buffer.alloc(100, 0xff)]),
    ],
    ["with bytes after the end of a group", Buffer.from([0x0c, 0x01])],
    ["with a field of number 0", Buffer.from([0x00, 0x01, 0x02])],
    ["of endless groups", Buffer.alloc(100_000, 0x33)],
  ])("with a message %s is INVALID_ARGUMENT", async (_what, bytes) => {
    const { client, calls } = await start();
    const auth = client();
    const failure = await refusalOf(send(auth, AuthServiceService.login.path, bytes));
    expect(failure).toMatchObject({ code: 3, reason: "INVALID_ARGUMENT", fields: ["request"] });
    expect(calls).toMatchObject([{ code: 3, reason: "INVALID_ARGUMENT" }]);
  });

  test("larger than the limit is refused and counted (D5)", async () => {
    const { client, calls } = await start({}, { limits: { messageBytes: 1000 } });
    const auth = client();
    const request = { ...question, accessToken: "x".repeat(2000) };
    expect(await refusalOf(call(auth, "validateToken", request, asService))).toMatchObject({
      code: 3,
      reason: "INVALID_ARGUMENT",
      fields: ["request"],
      facts: { refused_by: "bound", limit: "message_bytes" },
      localized: { locale: "en" },
    });
    expect(calls).toMatchObject([{ code: 3, reason: "INVALID_ARGUMENT" }]);
  });

  test("of a method nobody serves is UNIMPLEMENTED with details, and counted under one name", async () => {
    const { client, calls } = await start();
    const auth = client();
    const failure = await refusalOf(send(auth, "/curfew.v1.AuthService/Nope", Buffer.alloc(0)));
    expect(failure).toMatchObject({
      code: 12,
      reason: "UNIMPLEMENTED",
      localized: { locale: "en" },
    });
    expect(calls).toMatchObject([
      { method: "/unknown/Unknown", code: 12, reason: "UNIMPLEMENTED" },
    ]);
  });

  test("has its elements judged by the handler if that takes a batch", async () => {
    const { client } = await start();
    const auth = client();
    const validate = (count: number) =>
      call(
        auth,
        "validateTokens",
        { requests: Array.from({ length: count }, () => ({ ...question, accessToken: "" })) },
        asService,
      );
    expect((await validate(3)).results).toHaveLength(3);
    expect(await refusalOf(validate(1001))).toMatchObject({
      reason: "INVALID_ARGUMENT",
      fields: ["requests"],
    });
  });
});
