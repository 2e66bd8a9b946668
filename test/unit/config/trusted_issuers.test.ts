import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadSettings } from "../../../src/config/load_settings.js";
import { SettingsError } from "../../../src/config/settings_error.js";

const PRODUCTION = {
  NODE_ENV: "production",
  JWT_ISSUER: "https://login.example.com",
  KEY_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
  DATABASE_URL: "postgres://u:p@db/curfew",
};
const GOOD = { issuer: "https://id.example.com/", audiences: ["web"] };

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "curfew-issuers-"));
  path = join(folder, "issuers.json");
});
afterAll(() => rmSync(folder, { recursive: true }));

const load = (content: string | Uint8Array, environment: Record<string, string> = {}) => {
  writeFileSync(path, content);
  return loadSettings({ ...environment, TRUSTED_ISSUERS_FILE: path });
};

/** Loads a file that has these issuers. */
const issuersOf = (...issuers: unknown[]) => load(JSON.stringify({ issuers })).trustedIssuers;

const problemsOf = (read: () => unknown): readonly string[] => {
  try {
    read();
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
};

describe("TRUSTED_ISSUERS_FILE", () => {
  test("is optional", () => {
    expect(loadSettings({}).trustedIssuers).toBeUndefined();
  });

  test("has defaults for all but the issuer and its audiences", () => {
    expect(issuersOf(GOOD)).toEqual([
      {
        issuer: "https://id.example.com/",
        audiences: ["web"],
        jwksUri: undefined,
        algorithms: expect.arrayContaining(["RS256", "ES256", "EdDSA"]),
        claims: {
          username: undefined,
          displayName: "name",
          roles: undefined,
          acr: "acr",
          amr: "amr",
        },
        createUsers: true,
        clientIds: undefined,
      },
    ]);
  });

  test("takes every member of the contract, byte for byte", () => {
    const full = {
      issuer: "https://ID.example.com",
      audiences: ["web", "Web"],
      jwks_uri: "https://keys.example.com/jwks?v=1",
      algorithms: ["ES256"],
      claims: {
        username: "login",
        display_name: "full_name",
        roles: "realm_access.roles",
        acr: "level",
        amr: "methods",
      },
      create_users: false,
      client_ids: ["shop"],
    };
    expect(issuersOf(full)).toEqual([
      {
        issuer: "https://ID.example.com",
        audiences: ["web", "Web"],
        jwksUri: "https://keys.example.com/jwks?v=1",
        algorithms: ["ES256"],
        claims: {
          username: "login",
          displayName: "full_name",
          roles: "realm_access.roles",
          acr: "level",
          amr: "methods",
        },
        createUsers: false,
        clientIds: ["shop"],
      },
    ]);
  });

  test.each<[string, unknown, RegExp]>([
    [
      "an unknown member",
      { ...GOOD, audience: "web" },
      /issuers\[0\] has unknown members: audience/,
    ],
    ["an unknown claim", { ...GOOD, claims: { email: "x" } }, /issuers\[0\]\.claims has unknown/],
    ["no issuer", { audiences: ["web"] }, /issuers\[0\]\.issuer is missing/],
    ["no audiences", { issuer: GOOD.issuer }, /issuers\[0\]\.audiences is missing/],
    ["an empty list of audiences", { ...GOOD, audiences: [] }, /audiences must name at least one/],
    ["an empty audience", { ...GOOD, audiences: [""] }, /audiences\[0\] must be an audience/],
    ["one audience twice", { ...GOOD, audiences: ["a", "a"] }, /audiences names one twice/],
    ["one audience as a text", { ...GOOD, audiences: "web" }, /audiences must be a list/],
    ["an issuer that is no URL", { ...GOOD, issuer: "id" }, /issuer must be an https URL/],
    ["an issuer with a query", { ...GOOD, issuer: "https://a.b/?c" }, /issuer must be an https/],
    [
      "an issuer with a password",
      { ...GOOD, issuer: "https://a:b@c.d" },
      /issuer must be an https/,
    ],
    ["a file of keys", { ...GOOD, jwks_uri: "file:///keys" }, /jwks_uri must be an https URL/],
    ["no algorithm", { ...GOOD, algorithms: [] }, /algorithms must name at least one/],
    ["unsigned tokens", { ...GOOD, algorithms: ["none"] }, /algorithms\[0\] must be a public-key/],
    [
      "an HMAC",
      { ...GOOD, algorithms: ["RS256", "HS256"] },
      /algorithms\[1\] must be a public-key/,
    ],
    ["an algorithm in lower case", { ...GOOD, algorithms: ["rs256"] }, /must be a public-key/],
    ["a switch that is a text", { ...GOOD, create_users: "yes" }, /create_users must be true or/],
    ["no client", { ...GOOD, client_ids: [] }, /client_ids must name at least one/],
  ])("refuses %s", (_name, issuer, problem) => {
    const problems = problemsOf(() => issuersOf(issuer));

    expect(problems).toEqual([expect.stringMatching(problem)]);
    expect(problems[0]).toMatch(/^TRUSTED_ISSUERS_FILE /);
  });

  test.each<[string, string | Uint8Array, RegExp]>([
    ["no JSON", "{", /must be JSON in UTF-8/],
    ["no UTF-8", Uint8Array.of(0x7b, 0xff, 0x7d), /must be JSON in UTF-8/],
    ["a list", "[]", /must be one JSON object/],
    ["a member twice", '{"issuers":[],"issuers":[]}', /names no member twice/],
    ["no issuers", "{}", /issuers is missing/],
    ["an empty list", '{"issuers":[]}', /issuers must name at least one/],
    ["an unknown member", JSON.stringify({ issuers: [GOOD], x: 1 }), /document has unknown/],
    ["one issuer twice", JSON.stringify({ issuers: [GOOD, GOOD] }), /has one issuer twice/],
    ["a megabyte", `{"issuers":[${" ".repeat(1_048_576)}]}`, /at most 1048576 bytes/],
  ])("refuses %s", (_name, content, problem) => {
    expect(problemsOf(() => load(content))).toEqual([expect.stringMatching(problem)]);
  });

  test("refuses a path that leads nowhere", () => {
    const nowhere = { TRUSTED_ISSUERS_FILE: join(folder, "nowhere") };

    expect(problemsOf(() => loadSettings(nowhere))).toEqual([
      expect.stringMatching(/must be the path of a file that this process can read/),
    ]);
  });

  test("lists every problem in one message, with those of other settings", () => {
    const bad = { issuers: [{ issuer: "id", audiences: [], algorithms: ["HS256"] }, { x: 1 }] };
    const [issuers, other, ...more] = problemsOf(() =>
      load(JSON.stringify(bad), { GRPC_PORT: "many" }),
    ).toSorted((left, right) => (left < right ? 1 : -1));

    expect(more).toEqual([]);
    expect(other).toMatch(/^GRPC_PORT /);
    for (const problem of [
      "issuers[0].issuer must be",
      "issuers[0].audiences must name at least one",
      "issuers[0].algorithms[0] must be a public-key algorithm",
      "issuers[1].issuer is missing",
      "issuers[1].audiences is missing",
      "issuers[1] has unknown members: x",
    ])
      expect(issuers).toContain(problem);
  });
});

describe("plain http", () => {
  const file = (issuer: string, jwks_uri?: string) =>
    JSON.stringify({ issuers: [{ ...GOOD, issuer, jwks_uri }] });

  test.each(["http://localhost:9000", "http://127.0.0.1", "http://[::1]:9000/realm"])(
    "is taken outside production from %s",
    (issuer) => {
      expect(load(file(issuer, issuer)).trustedIssuers).toHaveLength(1);
    },
  );

  test("is refused from elsewhere, for the issuer and for its keys", () => {
    expect(problemsOf(() => load(file("http://id.example.com", "http://10.0.0.1/jwks")))).toEqual([
      expect.stringMatching(/issuers\[0\]\.issuer is http:\/\/id\.example\.com.*use https/),
      expect.stringMatching(/issuers\[0\]\.jwks_uri is http:\/\/10\.0\.0\.1\/jwks.*use https/),
    ]);
  });

  test("is refused in production, also from loopback", () => {
    expect(problemsOf(() => load(file("http://127.0.0.1:9000"), PRODUCTION))).toEqual([
      expect.stringMatching(/issuers\[0\]\.issuer is http/),
    ]);
  });
});
