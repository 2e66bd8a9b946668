import { describe, expect, test } from "vitest";
import { Access } from "../../../generated/curfew/options/v1/options.js";
import {
  AuthServiceService,
  LoginRequest,
  RecordActivityRequest,
  ValidateTokensRequest,
} from "../../../generated/curfew/v1/auth_service.js";
import { SessionAdminService, SessionFilter } from "../../../generated/curfew/v1/session_admin.js";
import { CreateUserRequest, UserAdminService } from "../../../generated/curfew/v1/user_admin.js";
import { CurfewError } from "../../../src/core/errors.js";
import { readDescriptors } from "../../../src/rpc/descriptors.js";
import { enforce, readRules } from "../../../src/rpc/rules.js";

const rules = readRules(readDescriptors());
const definitions = [AuthServiceService, SessionAdminService, UserAdminService];
const paths = definitions.flatMap((definition) =>
  Object.values(definition).map((method) => [method.path] as const),
);

const violationsOf = (method: string, request: unknown) =>
  rules.of(`/curfew.v1.${method}`).check?.(request);

describe("the rule of a method", () => {
  test.each(paths)("%s says who may call it (D4)", (path) => {
    expect(rules.of(path).access).toBeGreaterThan(Access.UNSPECIFIED);
  });

  test("exists for no other methods than the generated ones", () => {
    expect(rules.methods.map(({ path }) => path).sort()).toEqual(paths.flat().sort());
  });

  test("lets nobody in where nothing is declared (D4)", () => {
    expect(rules.of("/curfew.v1.AuthService/Backdoor")).toMatchObject({
      access: Access.UNSPECIFIED,
      deadlineMs: expect.any(Number),
    });
  });

  test("bounds the time of every unary method, and of no stream (D5)", () => {
    expect(rules.of("/curfew.v1.AuthService/ValidateToken").deadlineMs).toBe(2000);
    expect(rules.of("/curfew.v1.AuthService/GetProfile").deadlineMs).toBe(5000);
    for (const { deadlineMs, streaming } of rules.methods) {
      expect(deadlineMs > 0).toBe(!streaming);
    }
  });

  test("knows which requests name a language", () => {
    const localized = rules.methods.filter((rule) => rule.localized).map(({ path }) => path);
    expect(localized).toEqual([
      "/curfew.v1.AuthService/Login",
      "/curfew.v1.AuthService/ExchangeToken",
      "/curfew.v1.AuthService/CreateSession",
      "/curfew.v1.AuthService/RefreshTokens",
      "/curfew.v1.AuthService/Logout",
    ]);
  });
});

describe("the check of a request", () => {
  const login = { username: "ada", password: "correct horse", language: "", deviceName: "" };

  test("accepts good ones", () => {
    expect(violationsOf("AuthService/Login", LoginRequest.create(login))).toBeUndefined();
    expect(
      violationsOf("AuthService/RecordActivity", RecordActivityRequest.create()),
    ).toBeUndefined();
    const filter = SessionFilter.create({ createdAfter: new Date(0) });
    expect(
      violationsOf("SessionAdmin/ListSessions", { filter, pageSize: 10, pageToken: "", order: 1 }),
    ).toBeUndefined();
  });

  test("costs nothing where there are no constraints", () => {
    expect(rules.of("/curfew.v1.AuthService/GetProfile").check).toBeUndefined();
  });

  test.each([
    [{ username: "" }, "username", "must be set"],
    [{ username: "a".repeat(255) }, "username", "must have at most 254 characters"],
    [{ username: "\u{1F600}".repeat(255) }, "username", "must have at most 254 characters"],
    [{ username: "a\0b" }, "username", "must not contain U+0000"],
    [{ username: "a\ud800b" }, "username", "must be well-formed Unicode"],
    [{ language: "x".repeat(36) }, "language", "must have at most 35 characters"],
    [{ deviceName: "\udc00" }, "device_name", "must be well-formed Unicode"],
  ])("refuses %j", (change, field, description) => {
    const request = LoginRequest.create({ ...login, ...change });
    expect(violationsOf("AuthService/Login", request)).toEqual([{ field, description }]);
  });

  test("counts characters as people do, not as UTF-16", () => {
    const request = LoginRequest.create({ ...login, username: "\u{1F600}".repeat(254) });
    expect(violationsOf("AuthService/Login", request)).toBeUndefined();
  });

  test("names every violation by its path in the proto", () => {
    const request = RecordActivityRequest.create({
      activities: [
        { sessionId: "a", at: undefined },
        { sessionId: "b", at: new Date(Number.NaN) },
        { sessionId: "", at: new Date(0) },
      ],
    });
    expect(violationsOf("AuthService/RecordActivity", request)).toEqual([
      { field: "activities[1].at", description: expect.stringContaining("must be a time") },
      { field: "activities[2].session_id", description: "must be set" },
    ]);
  });

  test("bounds lists and what is in them", () => {
    const many = ValidateTokensRequest.create({
      requests: Array.from({ length: 1001 }, () => ({ accessToken: "x" })),
    });
    expect(violationsOf("AuthService/ValidateTokens", many)).toEqual([
      { field: "requests", description: "must have at most 1000 elements" },
    ]);
    const user = CreateUserRequest.create({
      username: "a",
      password: "b",
      roles: ["ok", "r".repeat(65)],
    });
    expect(violationsOf("UserAdmin/CreateUser", user)).toEqual([
      { field: "roles[1]", description: "must have at most 64 characters" },
    ]);
  });

  test("stops at as many violations as fit into an answer", () => {
    const bad = ValidateTokensRequest.create({
      requests: Array.from({ length: 1000 }, () => ({})),
    });
    expect(violationsOf("AuthService/ValidateTokens", bad)).toHaveLength(16);
  });

  test("leaves the elements to the handler when shallow", () => {
    const rule = rules.of("/curfew.v1.AuthService/ValidateTokens");
    const oneBad = ValidateTokensRequest.create({ requests: [{ accessToken: "" }] });
    expect(rule.check?.(oneBad)).toHaveLength(1);
    expect(rule.shallowCheck?.(oneBad)).toBeUndefined();
    expect(rule.shallowCheck?.({ requests: Array.from({ length: 1001 }) })).toHaveLength(1);
    expect(rules.checkOf("curfew.v1.ValidateTokenRequest")?.(oneBad.requests[0])).toHaveLength(1);
  });

  test.each([
    [
      "AuthService/WatchRevocations",
      { afterRevision: -1n },
      "after_revision",
      "must be at least 0",
    ],
    [
      "SessionAdmin/GetSessionStats",
      { windowMinutes: 44641 },
      "window_minutes",
      "must be at most 44640",
    ],
    [
      "AuthService/ListMySessions",
      { pageSize: -1, pageToken: "" },
      "page_size",
      "must be at least 0",
    ],
  ])("bounds the numbers of %s", (method, request, field, description) => {
    expect(violationsOf(method, request)).toEqual([{ field, description }]);
  });

  test("refuses numbers that an enum has no name for, in lists and messages too", () => {
    expect(
      violationsOf("SessionAdmin/WatchSessionEvents", { types: [1, 99], afterCursor: "" }),
    ).toEqual([{ field: "types[1]", description: expect.stringContaining("LOGIN_FAILED") }]);
    const filter = { ...SessionFilter.create(), state: 17 };
    expect(
      violationsOf("SessionAdmin/RevokeSessions", { filter, note: "", dryRun: false, all: false }),
    ).toEqual([{ field: "filter.state", description: expect.stringContaining("must be one of") }]);
  });

  test.each([
    [new Date(Number.NaN)],
    [new Date("+010000-01-01T00:00:00Z")],
    [new Date("-000001-12-31T23:59:59Z")],
  ])("refuses the time %s", (createdAfter) => {
    const filter = SessionFilter.create({ createdAfter });
    expect(
      violationsOf("SessionAdmin/ListSessions", { filter, pageSize: 0, pageToken: "", order: 0 }),
    ).toMatchObject([{ field: "filter.created_after" }]);
  });

  test("asks for required messages, and looks into field masks", () => {
    expect(
      violationsOf("UserAdmin/UpdateUser", { user: undefined, updateMask: undefined }),
    ).toEqual([{ field: "user", description: "must be set" }]);
    const user = {
      userId: "u",
      username: "",
      displayName: "",
      roles: [],
      isActive: true,
      createdAt: undefined,
    };
    expect(violationsOf("UserAdmin/UpdateUser", { user, updateMask: ["roles", "x\0"] })).toEqual([
      { field: "update_mask[1]", description: "must not contain U+0000" },
    ]);
  });
});

describe("enforcing a check", () => {
  test("throws INVALID_ARGUMENT with the violations", () => {
    const check = rules.of("/curfew.v1.AuthService/Login").check;
    expect(() => enforce(check, LoginRequest.create())).toThrow(CurfewError);
    expect(() => enforce(check, LoginRequest.create())).toThrow("INVALID_ARGUMENT");
    expect(() => enforce(undefined, LoginRequest.create())).not.toThrow();
  });

  test("is refused at start for types the descriptors lack", () => {
    expect(() => rules.checkOf("curfew.v1.Nothing")).toThrow("no message curfew.v1.Nothing");
  });
});
