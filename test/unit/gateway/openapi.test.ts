import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "vitest";
import { readBindings } from "../../../src/gateway/binding.js";
import { buildOpenApi } from "../../../src/gateway/openapi/document.js";

const descriptors = readFileSync(new URL("../../../generated/descriptors.binpb", import.meta.url));
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
const bindings = readBindings(registry);
const document = JSON.parse(JSON.stringify(buildOpenApi(registry, bindings)));

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema: Record<string, unknown>;
}
interface Operation {
  operationId: string;
  description: string;
  security: Record<string, unknown>[];
  parameters: Parameter[];
  requestBody?: {
    required: boolean;
    content: { "application/json": { schema: Record<string, unknown> } };
  };
  responses: Record<string, { description: string; content: Record<string, unknown> }>;
}

const operations: [string, Operation][] = Object.entries(
  document.paths as Record<string, Record<string, Operation>>,
).flatMap(([path, verbs]) =>
  Object.entries(verbs).map(([verb, operation]): [string, Operation] => [
    `${verb} ${path}`,
    operation,
  ]),
);
const operation = (name: string): Operation => {
  const found = operations.find(([candidate]) => candidate === name);
  if (!found) throw new Error(`no operation ${name}`);
  return found[1];
};
const codesOf = ({ responses }: Operation, status: number): string[] => {
  const content = JSON.stringify(responses[status]?.content ?? {});
  return JSON.parse(/"code":\{"enum":(\[[^\]]*\])\}/.exec(content)?.[1] ?? "[]");
};

describe("document", () => {
  test("is OpenAPI 3.1 with an operation for every binding", () => {
    expect(document.openapi).toBe("3.1.0");
    expect(operations).toHaveLength(bindings.length);
    const ids = operations.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toContain("AuthService_Login");
    expect(ids).toContain("AuthService_Login_2");
  });

  test("is valid by the schema of OpenAPI 3.1", async () => {
    const validator = new Validator();
    expect(await validator.validate(document)).toMatchObject({ valid: true });
    expect(validator.version).toBe("3.1");
    const broken = { ...document, info: { title: "Curfew" } };
    expect((await validator.validate(broken)).valid).toBe(false);
  }, 60_000);

  test("refers to nothing that is not there", () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)];
    expect(references.length).toBeGreaterThan(50);
    for (const [, path = ""] of references) {
      const target = path
        .split("/")
        .reduce<Record<string, unknown>>((at, key) => at[key] as Record<string, unknown>, document);
      expect(target, path).toBeTypeOf("object");
      expect(Object.keys(target).length, path).toBeGreaterThan(0);
    }
  });

  test.each(operations)("%s declares each variable of its path once", (name, { parameters }) => {
    const variables = [...name.matchAll(/\{([^}]+)\}/g)].map(([, variable]) => variable);
    const declared = parameters.filter((parameter) => parameter.in === "path");
    expect(declared.map((parameter) => parameter.name)).toEqual(variables);
    expect(declared.every(({ required }) => required)).toBe(true);
    const all = parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
    expect(new Set(all).size).toBe(all.length);
  });

  test.each(operations)("%s has words and the failures of every call", (_, declared) => {
    expect(declared.description).not.toBe("");
    expect(codesOf(declared, 400)).toContain("invalid_argument");
    expect(codesOf(declared, 500)).toContain("internal");
    expect(codesOf(declared, 503)).toContain("dependency_unavailable");
    for (const { description } of Object.values(declared.responses)) {
      expect(description).not.toMatch(/: $/m);
    }
  });
});

describe("what generators rely on", () => {
  test("no two paths are one template", () => {
    const shapes = Object.keys(document.paths).map((path) => path.replaceAll(/\{[^}]+\}/g, "{}"));
    expect(new Set(shapes).size).toBe(shapes.length);
    const path = document.paths["/api/v1/admin/users/{user_id}"];
    expect(Object.keys(path).sort()).toEqual(["delete", "get", "patch"]);
  });

  test("an answer requires the fields that are always written, and a request those it needs", () => {
    const { schemas } = document.components;
    expect(schemas.User.required).toEqual(
      expect.arrayContaining(["user_id", "username", "display_name", "roles", "is_active"]),
    );
    expect(schemas.User.required).not.toContain("created_at");
    expect(schemas.UserInput.required ?? []).not.toContain("username");
    // In cookie mode the tokens are not in the body.
    expect(schemas.LoginResponse.required).toEqual(
      expect.arrayContaining(["token_type", "expires_in", "ended_sessions"]),
    );
    expect(schemas.LoginResponse.required).not.toContain("access_token");
    const change = operation("patch /api/v1/admin/users/{user_id}").requestBody;
    expect(JSON.stringify(change)).toContain("UserInput");
  });

  test.each([
    ["post /auth/login", true],
    ["post /auth/refresh", true],
    ["post /auth/logout", false],
    ["post /api/v1/admin/users/{user_id}:setPassword", true],
    ["post /api/v1/admin/sessions/cleanup", false],
  ])("the body of %s is required: %s", (name, required) => {
    expect(operation(name).requestBody).toMatchObject({ required });
  });

  test("no call takes a bearer token and a cookie", () => {
    for (const [, { security }] of operations)
      for (const schemes of security) expect(Object.keys(schemes).length).toBeLessThan(2);
    for (const { type } of Object.values<{ type: string }>(document.components.securitySchemes))
      expect(type).toBe("http");
  });
});

describe("failures", () => {
  test("come from the access class and the comment", () => {
    expect(codesOf(operation("post /auth/login"), 401)).toEqual([
      "invalid_credentials",
      "user_inactive",
    ]);
    expect(codesOf(operation("post /auth/login"), 429)).toEqual([
      "session_limit_exceeded",
      "too_many_attempts",
    ]);
    expect(codesOf(operation("get /auth/profile"), 401)).toContain("session_inactivity_timeout");
    expect(codesOf(operation("get /api/v1/admin/users/{user_id}"), 403)).toEqual([
      "permission_denied",
    ]);
    expect(codesOf(operation("get /api/v1/admin/users/{user_id}"), 404)).toEqual(["not_found"]);
  });
});

test.each([
  ["post /auth/login", true],
  ["post /auth/refresh", true],
  ["post /auth/logout", true],
  ["post /auth/password", true],
  ["delete /auth/sessions/{session_id}", true],
  ["get /auth/profile", false],
  ["get /.well-known/jwks.json", false],
])("%s can be refused for its cookie: %s", (name, refused) => {
  expect(codesOf(operation(name), 403)).toEqual(refused ? ["permission_denied"] : []);
});

describe("credentials", () => {
  test.each([
    ["post /auth/login", []],
    ["post /auth/refresh", []],
    ["post /auth/logout", [{}, { accessToken: [] }]],
    ["get /.well-known/jwks.json", []],
    ["get /auth/profile", [{ accessToken: [] }]],
    ["post /auth/password", [{ accessToken: [] }]],
    ["post /auth/validate", [{ serviceKey: [] }]],
    ["get /api/v1/admin/users", [{ accessToken: [] }, { serviceKey: [] }]],
  ])("%s takes %j", (name, security) => {
    expect(operation(name).security).toEqual(security);
  });
});

describe("schemas", () => {
  const { schemas } = document.components;

  test("carry bounds, comments and what is required", () => {
    const { username, password } = schemas.LoginRequest.properties;
    expect(username).toMatchObject({ type: "string", minLength: 1, maxLength: 254 });
    expect(username.description).toMatch(/name/);
    expect(password.format).toBe("password");
    expect(schemas.LoginRequest.required).toEqual(["username", "password"]);
    const { roles } = schemas.CreateUserRequest.properties;
    expect(roles).toMatchObject({ type: "array", maxItems: 64, items: { maxLength: 64 } });
  });

  test("write types as ProtoJSON does", () => {
    expect(schemas.LogoutResponse.properties.revision).toMatchObject({
      type: "string",
      format: "int64",
    });
    expect(schemas.Session.properties.created_at).toMatchObject({
      type: "string",
      format: "date-time",
    });
    const state = schemas.Session.properties.state.$ref.replace("#/components/schemas/", "");
    expect(schemas[state].enum).toContain("ACTIVE");
  });

  test("a list's filter is in the query, field by field", () => {
    const { parameters } = operation("get /api/v1/admin/sessions");
    expect(parameters.map(({ name }) => name)).toEqual([
      "filter.user_id",
      "filter.state",
      "filter.ip",
      "filter.created_after",
      "filter.created_before",
      "filter.inactive_since",
      "filter.client_id",
      "page_size",
      "page_token",
      "order",
    ]);
    expect(parameters[7]?.schema).toMatchObject({ type: "integer", minimum: 0 });
  });

  test("a body leaves out what the path says, and response_body is the answer", () => {
    const { requestBody } = operation("post /api/v1/admin/users/{user_id}:setPassword");
    const schema = requestBody?.content["application/json"].schema;
    expect(Object.keys(schema?.properties as object)).toEqual(["password"]);
    const { responses } = operation("get /auth/profile");
    expect(responses[200]?.content["application/json"]).toMatchObject({
      schema: { $ref: "#/components/schemas/User" },
    });
  });
});
