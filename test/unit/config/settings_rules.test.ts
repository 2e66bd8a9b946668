import { describe, expect, test } from "vitest";
import { loadSettings } from "../../../src/config/load_settings.js";
import type { Environment } from "../../../src/config/setting.js";
import type { Purpose } from "../../../src/config/settings.js";
import { SettingsError } from "../../../src/config/settings_error.js";

const KEY = Buffer.alloc(32, 7).toString("base64");
const STORES = { DATABASE_URL: "postgres://u:p@db/curfew", REDIS_URL: "redis://cache:6379" };
const PRODUCTION = {
  NODE_ENV: "production",
  JWT_ISSUER: "https://login.example.com",
  KEY_ENCRYPTION_KEY: KEY,
  ...STORES,
};
const A_FILE = import.meta.filename;

const problemsOf = (environment: Environment, purpose?: Purpose): readonly string[] => {
  try {
    loadSettings(environment, purpose);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
};

describe("settings that do not go together stop the start", () => {
  const pair = { TLS_CERT_FILE: A_FILE, TLS_KEY_FILE: A_FILE };
  test.each<[string, Environment, RegExp]>([
    ["embedded database on an open host", { HOST: "0.0.0.0" }, /^DATABASE_URL is required/],
    [
      "production without a database",
      { ...PRODUCTION, DATABASE_URL: undefined },
      /^DATABASE_URL is required.*default in production/,
    ],
    [
      "workers without a database",
      { WORKERS: "2", REDIS_URL: STORES.REDIS_URL },
      /^DATABASE_URL is required when WORKERS is 2/,
    ],
    [
      "workers without Redis",
      { WORKERS: "2", DATABASE_URL: STORES.DATABASE_URL },
      /^REDIS_URL is required when WORKERS is 2/,
    ],
    [
      "no service auth on an open host",
      { ...STORES, HOST: "10.1.2.3", SERVICE_AUTH: "none" },
      /^SERVICE_AUTH=none is allowed only on a loopback host/,
    ],
    [
      "certificate without key",
      { TLS_CERT_FILE: A_FILE },
      /^TLS_CERT_FILE is set without TLS_KEY_FILE/,
    ],
    [
      "key without certificate",
      { TLS_KEY_FILE: A_FILE },
      /^TLS_KEY_FILE is set without TLS_CERT_FILE/,
    ],
    [
      "mtls without authority",
      { SERVICE_AUTH: "mtls", ...pair },
      /^SERVICE_AUTH=mtls needs TLS_CLIENT_CA_FILE/,
    ],
    [
      "mtls without certificate",
      { SERVICE_AUTH: "mtls", TLS_CLIENT_CA_FILE: A_FILE },
      /^SERVICE_AUTH=mtls needs TLS_CERT_FILE/,
    ],
    [
      "bootstrap name without password",
      { BOOTSTRAP_ADMIN_USERNAME: "a" },
      /^BOOTSTRAP_ADMIN_USERNAME is set without BOOTSTRAP_ADMIN_PASSWORD/,
    ],
    [
      "bootstrap password without name",
      { BOOTSTRAP_ADMIN_PASSWORD: "a".repeat(15) },
      /^BOOTSTRAP_ADMIN_PASSWORD is set without/,
    ],
    [
      "short bootstrap password in production",
      { ...PRODUCTION, BOOTSTRAP_ADMIN_USERNAME: "a", BOOTSTRAP_ADMIN_PASSWORD: "short" },
      /^BOOTSTRAP_ADMIN_PASSWORD is shorter/,
    ],
    [
      "production without an issuer",
      { ...PRODUCTION, JWT_ISSUER: undefined },
      /^JWT_ISSUER is required in production/,
    ],
    [
      "production without an encryption key",
      { ...PRODUCTION, KEY_ENCRYPTION_KEY: undefined },
      /^KEY_ENCRYPTION_KEY is required in production/,
    ],
    [
      "idle timeout past the lifetime",
      { SESSION_INACTIVITY_TIMEOUT_MINUTES: "90", SESSION_MAX_LIFETIME_HOURS: "1" },
      /^SESSION_INACTIVITY_TIMEOUT_MINUTES is longer than/,
    ],
    [
      "access token past the session",
      { ACCESS_TOKEN_EXPIRE_MINUTES: "90", SESSION_MAX_LIFETIME_HOURS: "1" },
      /^ACCESS_TOKEN_EXPIRE_MINUTES is longer than/,
    ],
    [
      "two listeners on one port",
      { HTTP_PORT: "9464" },
      /^HTTP_PORT and METRICS_PORT are both 9464/,
    ],
  ])("%s", (_case, environment, problem) => {
    expect(problemsOf(environment)).toEqual([expect.stringMatching(problem)]);
  });

  test("a misspelt production is judged as production", () => {
    expect(problemsOf({ NODE_ENV: "prod" })).toEqual([
      expect.stringMatching(/^NODE_ENV must be/),
      expect.stringMatching(/^DATABASE_URL is required/),
      expect.stringMatching(/^JWT_ISSUER is required/),
      expect.stringMatching(/^KEY_ENCRYPTION_KEY is required/),
    ]);
  });
});

describe("purposes ask only for what they need", () => {
  const migration = { NODE_ENV: "production", DATABASE_URL: STORES.DATABASE_URL };

  test("a migration needs the database alone", () => {
    expect(problemsOf(migration, "database")).toEqual([]);
    expect(problemsOf({ NODE_ENV: "production" }, "database")).toHaveLength(1);
  });

  test("work on keys needs what encrypts them", () => {
    expect(problemsOf(migration, "keys")).toEqual([expect.stringMatching(/^KEY_ENCRYPTION_KEY/)]);
  });

  test("a gateway needs no store and a port", () => {
    expect(problemsOf({ NODE_ENV: "production" }, "gateway")).toEqual([]);
    expect(problemsOf({ HTTP_PORT: "0" }, "gateway")).toEqual([
      expect.stringMatching(/^HTTP_PORT/),
    ]);
  });
});

describe("warnings", () => {
  const misspelt = (name: string) =>
    loadSettings({ ...PRODUCTION, TLS_CERT_FILE: A_FILE, TLS_KEY_FILE: A_FILE, [name]: "1" })
      .warnings;

  test.each([
    ["SESSION_INACTIVITY_TIMEOUT_MINUTE", "SESSION_INACTIVITY_TIMEOUT_MINUTES"],
    ["MAX_CONCURENT_SESSIONS", "MAX_CONCURRENT_SESSIONS"],
    ["JWT_AUDIANCE", "JWT_AUDIENCE"],
    ["LOGLEVEL", "LOG_LEVEL"],
    ["SESSION_MAX_LIFETIME_MINUTES", "SESSION_MAX_LIFETIME_HOURS"],
    ["CURFEW_GRPC_PORT", "GRPC_PORT"],
    ["CURFEW_HOST", "HOST"],
  ])("%s looks like %s", (name, ours) => {
    expect(misspelt(name)).toEqual([`${name} is not a setting: did you mean ${ours}?`]);
  });

  test.each([
    "HOME",
    "PATH",
    "POSTGRES_PASSWORD",
    "HOSTNAME",
    "NODE_OPTIONS",
    "CURFEW_TOKEN",
    "HOSTS",
    "npm_config_user_agent",
  ])("%s is somebody else's", (name) => {
    expect(misspelt(name)).toEqual([]);
  });

  test("development says that keys are stored in clear", () => {
    expect(loadSettings({}).warnings).toEqual([
      expect.stringMatching(/^KEY_ENCRYPTION_KEY is not set/),
    ]);
    expect(loadSettings({ KEY_ENCRYPTION_KEY: KEY }).warnings).toEqual([]);
  });

  test("production says that TLS and Redis are missing", () => {
    expect(loadSettings({ ...PRODUCTION, REDIS_URL: undefined }).warnings).toEqual([
      expect.stringMatching(/^TLS_CERT_FILE is not set/),
      expect.stringMatching(/^REDIS_URL is not set/),
    ]);
  });
});
