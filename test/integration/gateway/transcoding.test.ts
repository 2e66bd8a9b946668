import {
  createFileRegistry,
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { LoginRequest } from "../../../generated/curfew/v1/auth_service.js";
import { UpdateUserRequest } from "../../../generated/curfew/v1/user_admin.js";
import { type Binding, readBindings } from "../../../src/gateway/binding.js";
import { type Fixture, startFixture } from "./fixture.js";
import { DESCRIPTORS } from "./stub_service.js";

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, DESCRIPTORS));
const bindings = readBindings(registry);

/** Contract sections 1 and 4: all under `/api/v1`, and the guide's own routes without it too. */
const PREFIXED = [
  "POST /auth/login",
  "POST /auth/exchange",
  "POST /auth/refresh",
  "POST /auth/logout",
  "POST /auth/validate",
  "POST /auth/validate:batch",
  "POST /auth/activity",
  "GET /auth/profile",
  "POST /auth/password",
  "POST /auth/sessions",
  "GET /auth/sessions",
  "DELETE /auth/sessions/{session_id}",
  "POST /auth/sessions:revokeOthers",
  "GET /debug/session-info",
  "GET /admin/sessions/active",
  "GET /admin/sessions",
  "GET /admin/sessions/{session_id}",
  "POST /admin/sessions/{session_id}:revoke",
  "POST /admin/users/{user_id}/sessions:revoke",
  "POST /admin/sessions:revoke",
  "POST /admin/sessions/cleanup",
  "POST /admin/tokens:explain",
  "GET /admin/sessions/stats",
  "POST /admin/users",
  "GET /admin/users",
  "GET /admin/users/{user_id}",
  "PATCH /admin/users/{user.user_id}",
  "DELETE /admin/users/{user_id}",
  "POST /admin/users/{user_id}:setPassword",
  "POST /admin/users/{user_id}:linkIdentity",
  "POST /admin/users/{user_id}:unlinkIdentity",
  "POST /admin/users/{user_id}:unlock",
];
const OF_THE_GUIDE = / \/(auth|debug)\/| \/admin\/sessions\/(active|cleanup)$/;
const CONTRACT_ROUTES = [
  ...PREFIXED.map((route) => route.replace(" ", " /api/v1")),
  ...PREFIXED.filter((route) => OF_THE_GUIDE.test(route)),
  "GET /.well-known/jwks.json",
];

type Json = { [key: string]: JsonValue };

/** A value for a field that differs from its zero value and from its neighbours'. */
const sampleOf = (field: DescField, depth: number): JsonValue | undefined => {
  const element = (): JsonValue | undefined => {
    if (field.enum) return field.enum.values.at(-1)?.name;
    if (field.message?.typeName === "google.protobuf.Timestamp") return "2026-01-31T12:00:00Z";
    if (field.message?.typeName === "google.protobuf.FieldMask") return "displayName";
    if (field.message) return depth > 3 ? undefined : sampleMessage(field.message, depth + 1);
    switch (field.scalar) {
      case ScalarType.STRING:
        return `${field.name} ä/?&=%:1`;
      case ScalarType.BOOL:
        return true;
      default:
        return field.number + 40;
    }
  };
  const value = element();
  if (value === undefined || field.fieldKind === "map") return undefined;
  return field.fieldKind === "list" ? [value, value] : value;
};

const sampleMessage = (message: DescMessage, depth = 0): Json =>
  Object.fromEntries(
    message.fields
      .filter((field) => !field.oneof || field.oneof.fields[0] === field)
      .map((field) => [field.name, sampleOf(field, depth)] as const)
      .filter((entry): entry is [string, JsonValue] => entry[1] !== undefined),
  );

const queryOf = (json: Json, prefix = ""): [string, string][] =>
  Object.entries(json).flatMap(([name, value]): [string, string][] => {
    if (Array.isArray(value)) return value.map((item) => [`${prefix}${name}`, String(item)]);
    return typeof value === "object" && value !== null
      ? queryOf(value, `${prefix}${name}.`)
      : [[`${prefix}${name}`, String(value)]];
  });

/** Moves a value out of a request, for the path says it. */
const take = (json: Json, path: string): string => {
  const [name = "", ...rest] = path.split(".");
  if (rest.length > 0) return take(json[name] as Json, rest.join("."));
  const value = String(json[name]);
  delete json[name];
  return value;
};

const requestOf = ({ template, verb, body }: Binding, whole: Json) => {
  const json = structuredClone(whole);
  const path = template.source.replace(/\{([^}]+)\}/g, (_, name: string) =>
    encodeURIComponent(take(json, name)),
  );
  const payload = body === "*" ? json : body && (json[body.name] as Json);
  if (typeof body === "object") delete json[body.name];
  const query = body === "*" ? "" : new URLSearchParams(queryOf(json)).toString();
  return {
    method: verb as "GET",
    url: query ? `${path}?${query}` : path,
    ...(payload
      ? { payload: JSON.stringify(payload), headers: { "content-type": "application/json" } }
      : {}),
  };
};

describe("transcoding", () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture();
  });
  beforeEach(() => fixture.stub.reset());
  afterAll(() => fixture.stop());

  test("has the routes of the contract and no other", () => {
    const routes = bindings.map(({ verb, template }) => `${verb} ${template.source}`);
    expect(routes.sort()).toEqual(CONTRACT_ROUTES.toSorted());
  });

  test.each(
    bindings.map((binding) => [`${binding.verb} ${binding.template.source}`, binding] as const),
  )("%s carries every field of its request", async (_, binding) => {
    const { input, name } = binding.rpc.method;
    const sample = sampleMessage(input);
    const answer = await fixture.send(requestOf(binding, sample));
    expect(answer.statusCode, answer.body).toBe(200);
    expect(fixture.stub.last().method).toBe(name);
    const expected = toJson(input, fromJson(input, sample), {
      useProtoFieldName: true,
      alwaysEmitImplicit: true,
    });
    expect(fixture.stub.last().request).toEqual(expected);
  });

  test.each(
    bindings.map((binding) => [`${binding.verb} ${binding.template.source}`, binding] as const),
  )("%s gives every field of its response", async (_, binding) => {
    const { input, output, name } = binding.rpc.method;
    const sample = sampleMessage(output);
    fixture.stub.answer(name, () => sample);
    const answer = await fixture.send(requestOf(binding, sampleMessage(input)));
    const options = { useProtoFieldName: true, alwaysEmitImplicit: true } as const;
    const whole = toJson(output, fromJson(output, sample), options) as Json;
    expect(answer.json()).toEqual(binding.responseBody ? whole[binding.responseBody.name] : whole);
    expect(answer.headers["content-type"]).toMatch(/^application\/json/);
  });

  test("the service's generated code reads what the gateway writes", async () => {
    await fixture.post("/auth/login", { username: "anna", password: "pässword", deviceName: "pc" });
    expect(LoginRequest.decode(fixture.stub.last().bytes)).toEqual({
      username: "anna",
      password: "pässword",
      language: "",
      deviceName: "pc",
    });
  });

  test("writes fields without presence, and 64-bit integers as strings", async () => {
    const cleaned = await fixture.post("/admin/sessions/cleanup", {});
    expect(cleaned.json()).toEqual({ cleaned_sessions: 0 });
    fixture.stub.answer("Logout", () => ({ message: "bye", revision: "9007199254740993" }));
    const left = await fixture.post("/auth/logout", { access_token: "t" });
    expect(left.json()).toEqual({ message: "bye", revision: "9007199254740993" });
  });

  test("takes a POST without a body as an empty request", async () => {
    const answer = await fixture.send({ method: "POST", url: "/admin/sessions/cleanup" });
    expect(answer.statusCode).toBe(200);
  });

  test("writes null for a response_body that is not set", async () => {
    const answer = await fixture.send({ method: "GET", url: "/auth/profile" });
    expect(answer.json()).toBeNull();
  });

  test("prefers a fixed path to a variable", async () => {
    await fixture.send({ method: "GET", url: "/api/v1/admin/sessions/stats" });
    expect(fixture.stub.last().method).toBe("GetSessionStats");
    await fixture.send({ method: "GET", url: "/api/v1/admin/sessions/s1" });
    expect(fixture.stub.last().method).toBe("GetSession");
  });

  test("writes a nested google.rpc.Status with its details", async () => {
    fixture.stub.answer("ValidateTokens", () => ({
      results: [
        {
          error: {
            code: 16,
            message: "m",
            details: [
              {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                reason: "SESSION_EXPIRED",
                domain: "curfew",
              },
            ],
          },
        },
      ],
    }));
    const answer = await fixture.post("/api/v1/auth/validate:batch", { requests: [] });
    expect(answer.json()).toEqual({
      results: [
        {
          error: {
            code: 16,
            message: "m",
            details: [
              {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                reason: "SESSION_EXPIRED",
                domain: "curfew",
                metadata: {},
              },
            ],
          },
        },
      ],
    });
  });

  describe("update_mask", () => {
    const patch = async (query: string, body: JsonValue): Promise<UpdateUserRequest> => {
      const answer = await fixture.send({
        method: "PATCH",
        url: `/api/v1/admin/users/u1${query}`,
        headers: { "content-type": "application/json" },
        payload: JSON.stringify(body),
      });
      expect(answer.statusCode, answer.body).toBe(200);
      return UpdateUserRequest.decode(fixture.stub.last().bytes);
    };

    test("is what the body has, if the query has none", async () => {
      const request = await patch("", { is_active: false, displayName: "A", user_id: "u1" });
      expect(request.user?.userId).toBe("u1");
      expect(request.updateMask).toEqual(["is_active", "display_name"]);
    });

    test("is the query's, in snake_case or camelCase", async () => {
      const body = { is_active: false, roles: ["x"] };
      expect((await patch("?update_mask=is_active,display_name", body)).updateMask).toEqual([
        "is_active",
        "display_name",
      ]);
      expect((await patch("?updateMask=displayName", body)).updateMask).toEqual(["display_name"]);
    });

    test("is absent for an empty body", async () => {
      expect((await patch("", {})).updateMask).toBeUndefined();
    });
  });
});
