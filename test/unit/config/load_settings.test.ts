import { describe, expect, test } from "vitest";
import { loadSettings } from "../../../src/config/load_settings.js";
import type { Environment } from "../../../src/config/setting.js";
import { SettingsError } from "../../../src/config/settings_error.js";
import { SETTINGS } from "../../../src/config/settings_table.js";

const KEY = Buffer.alloc(32, 7).toString("base64");
const STORES = { DATABASE_URL: "postgres://u:p@db/curfew", REDIS_URL: "redis://cache:6379" };
const PRODUCTION = {
  NODE_ENV: "production",
  JWT_ISSUER: "https://login.example.com",
  KEY_ENCRYPTION_KEY: KEY,
  ...STORES,
};
const A_FILE = import.meta.filename;

const problemsOf = (environment: Environment): readonly string[] => {
  try {
    loadSettings(environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
};

describe("defaults", () => {
  test("an empty environment is the embedded service on loopback", () => {
    const settings = loadSettings({});
    expect(settings).toMatchObject({
      host: "127.0.0.1",
      grpcPort: 50051,
      httpPort: 8000,
      metricsPort: 9464,
      embedded: true,
      production: false,
      databaseUrl: undefined,
      dataDir: ".curfew",
      jwtIssuer: "http://localhost:8000",
      jwtAudience: "curfew",
      jwtAlgorithm: "ES256",
      jwtAlgorithmIsGiven: false,
      accessTokenLifetimeMs: 900_000,
      idleTimeoutMs: 1_800_000,
      maxLifetimeMs: 604_800_000,
      refreshGraceMs: 10_000,
      maxConcurrentSessions: 5,
      sessionLimitPolicy: "evict_oldest",
      consistencyTimeoutMs: 5_000,
      serviceAuth: "none",
      autoMigrate: true,
      reflection: true,
      workers: 1,
      logLevel: "info",
      corsOrigins: [],
      trustedProxies: [],
    });
    expect(Object.isFrozen(settings)).toBe(true);
  });

  test("production listens on all hosts, asks for service keys, and neither migrates nor reflects", () => {
    const settings = loadSettings(PRODUCTION);
    expect(settings).toMatchObject({
      host: "0.0.0.0",
      production: true,
      embedded: false,
      serviceAuth: "key",
      autoMigrate: false,
      reflection: false,
    });
    expect(settings.keyEncryptionKey).toEqual(new Uint8Array(32).fill(7));
  });

  test("SERVICE_AUTH is key on a host that others can reach, and on loopback in production", () => {
    expect(loadSettings({ ...STORES, HOST: "0.0.0.0" }).serviceAuth).toBe("key");
    expect(loadSettings({ ...PRODUCTION, HOST: "::1" }).serviceAuth).toBe("key");
    expect(loadSettings({ HOST: "localhost" }).serviceAuth).toBe("none");
  });

  test("an empty text counts as not given", () => {
    expect(loadSettings({ GRPC_PORT: "", DATABASE_URL: "  ", CORS_ORIGINS: "" })).toMatchObject({
      grpcPort: 50051,
      embedded: true,
    });
  });

  test("timeouts left at their default give way to a shorter lifetime", () => {
    const settings = loadSettings({ SESSION_MAX_LIFETIME_HOURS: "0.001" });
    expect(settings.maxLifetimeMs).toBe(3_600);
    expect(settings.idleTimeoutMs).toBe(3_600);
    expect(settings.accessTokenLifetimeMs).toBe(3_600);
  });
});

describe("values", () => {
  test.each([
    ["SESSION_INACTIVITY_TIMEOUT_MINUTES", "0.05", "idleTimeoutMs", 3_000],
    ["ACCESS_TOKEN_EXPIRE_MINUTES", ".5", "accessTokenLifetimeMs", 30_000],
    ["SESSION_MAX_LIFETIME_HOURS", "0.0019444444444444444", "maxLifetimeMs", 7_000],
    ["SESSION_MAX_LIFETIME_HOURS", "1.5", "maxLifetimeMs", 5_400_000],
    ["REFRESH_GRACE_SECONDS", "0", "refreshGraceMs", 0],
    ["REFRESH_GRACE_SECONDS", "0.25", "refreshGraceMs", 250],
    ["HTTP_PORT", "0", "httpPort", 0],
    ["REFLECTION", "off", "reflection", false],
    ["AUTO_MIGRATE", "1", "autoMigrate", true],
    ["JWT_ALGORITHM", "EdDSA", "jwtAlgorithm", "EdDSA"],
    ["JWT_ALGORITHM", "ES256", "jwtAlgorithmIsGiven", true],
    ["TRUSTED_PROXIES", "10.0.0.0/8, ::1", "trustedProxies", ["10.0.0.0/8", "::1"]],
    [
      "CORS_ORIGINS",
      "https://a.example,http://b:81",
      "corsOrigins",
      ["https://a.example", "http://b:81"],
    ],
    ["TLS_CLIENT_CA_FILE", "", "tlsClientCaFile", undefined],
    ["REDIS_URL", "rediss://:secret@cache:6380/1", "redisUrl", "rediss://:secret@cache:6380/1"],
    [
      "REDIS_URL",
      "redis+sentinel://a:26379,b:26379/main",
      "redisUrl",
      "redis+sentinel://a:26379,b:26379/main",
    ],
    ["REDIS_URL", "rediss+cluster://[::1]:1,b", "redisUrl", "rediss+cluster://[::1]:1,b"],
    ["REDIS_URL", "redis+sentinel://a/main/2", "redisUrl", "redis+sentinel://a/main/2"],
    [
      "REDIS_URL",
      "redis+sentinel://:r@a/main?sentinel_username=u&sentinel_password=p%40",
      "redisUrl",
      "redis+sentinel://:r@a/main?sentinel_username=u&sentinel_password=p%40",
    ],
    ["REDIS_URL", "redis://u:50%25@cache/", "redisUrl", "redis://u:50%25@cache/"],
    [
      "DATABASE_URL",
      "postgresql:///curfew?host=/run/pg",
      "databaseUrl",
      "postgresql:///curfew?host=/run/pg",
    ],
  ])("%s=%s", (name, text, key, value) => {
    expect(loadSettings({ [name]: text })).toHaveProperty(key, value);
  });

  test.each([
    ["base64", KEY],
    ["base64url without padding", Buffer.alloc(32, 255).toString("base64url")],
    ["hex", Buffer.alloc(32, 9).toString("hex")],
  ])("KEY_ENCRYPTION_KEY in %s", (_form, text) => {
    expect(loadSettings({ KEY_ENCRYPTION_KEY: text }).keyEncryptionKey).toHaveLength(32);
  });

  test("spaces around a password belong to it", () => {
    const settings = loadSettings({
      BOOTSTRAP_ADMIN_USERNAME: " root ",
      BOOTSTRAP_ADMIN_PASSWORD: " a long pass phrase ",
    });
    expect(settings.bootstrapAdminUsername).toBe("root");
    expect(settings.bootstrapAdminPassword).toBe(" a long pass phrase ");
  });
});

describe("a bad value stops the start", () => {
  test.each([
    ["GRPC_PORT", "65536"],
    ["GRPC_PORT", "-1"],
    ["GRPC_PORT", "grpc"],
    ["HTTP_PORT", "80.5"],
    ["METRICS_PORT", "0x50"],
    ["HOST", "http://localhost"],
    ["HOST", "a b"],
    ["WORKERS", "0"],
    ["JWT_ALGORITHM", "none"],
    ["JWT_ALGORITHM", "HS256"],
    ["JWT_ISSUER", "two words"],
    ["ACCESS_TOKEN_EXPIRE_MINUTES", "0"],
    ["ACCESS_TOKEN_EXPIRE_MINUTES", "-5"],
    ["ACCESS_TOKEN_EXPIRE_MINUTES", "1e3"],
    ["SESSION_INACTIVITY_TIMEOUT_MINUTES", "NaN"],
    ["SESSION_MAX_LIFETIME_HOURS", "Infinity"],
    ["REFRESH_GRACE_SECONDS", "301"],
    ["MAX_CONCURRENT_SESSIONS", "0"],
    ["MAX_CONCURRENT_SESSIONS", "2.5"],
    ["SESSION_LIMIT_POLICY", "evict"],
    ["SERVICE_AUTH", "token"],
    ["DATABASE_URL", "mysql://db/curfew"],
    ["DATABASE_URL", "curfew"],
    ["DATABASE_URL", "postgres:///curfew"],
    ["DATABASE_URL", "postgres://a,/curfew"],
    ["DATABASE_URL", "postgres://a:5432,b:65536/curfew"],
    ["DATABASE_URL", "postgres://a,b/curfew?target_session_attrs=any"],
    ["DATABASE_URL", "postgres://a,b/curfew?target_session_attrs=standby"],
    ["DATABASE_URL", "postgres:///curfew?host=a,b&port=1,2,3"],
    ["DATABASE_URL", "postgres:///curfew?host=a,b&port=x"],
    ["REDIS_URL", "http://cache"],
    ["REDIS_URL", "redis://"],
    ["REDIS_URL", "REDIS://cache"],
    ["REDIS_URL", "redis://user:50%@cache"],
    ["REDIS_URL", "redis://cache:0"],
    ["REDIS_URL", "redis+cluster://a:6379,b:65536"],
    ["REDIS_URL", "redis://cache/first"],
    ["REDIS_URL", "redis+sentinel://a/main/first"],
    ["REDIS_URL", "redis+cluster://a/1"],
    ["REDIS_URL", "redis://cache?sentinel_password=p"],
    ["REDIS_URL", "redis+sentinel://a/main?password=p"],
    ["REDIS_URL", "redis+sentinel://a/main?sentinel_password="],
    ["REDIS_URL", "redis+sentinel://a/main?sentinel_password=50%"],
    ["KEY_ENCRYPTION_KEY", "hunter2"],
    ["KEY_ENCRYPTION_KEY", `${KEY.slice(0, 42)}!=`],
    ["TLS_CERT_FILE", "/nowhere/cert.pem"],
    ["JWT_KEYS_DIR", A_FILE],
    ["CORS_ORIGINS", "*"],
    ["CORS_ORIGINS", "https://a.example/path"],
    ["TRUSTED_PROXIES", "10.0.0.0/33"],
    ["TRUSTED_PROXIES", "proxy"],
    ["REFLECTION", "maybe"],
    ["LOG_LEVEL", "loud"],
    ["PASSWORD_MIN_LENGTH", "7"],
    ["PASSWORD_CONTEXT_WORDS", "acme, it"],
    ["NODE_ENV", "staging"],
  ])("%s=%s", (name, text) => {
    expect(problemsOf({ [name]: text })).toContainEqual(
      expect.stringMatching(new RegExp(`^${name} must be `)),
    );
  });

  test.each([
    "postgres://u:p@a:5432,b/curfew?target_session_attrs=read-write",
    "postgresql://u:p@[::1]:1,[::2]:2/curfew?target_session_attrs=primary",
    "postgres:///curfew?host=/run/a,/run/b&port=5432",
  ])("DATABASE_URL may name several hosts: %s", (url) => {
    expect(loadSettings({ DATABASE_URL: url }).databaseUrl).toBe(url);
  });

  test("every problem is listed, one a line, with what to do", () => {
    const environment = {
      GRPC_PORT: "99999",
      JWT_ALGORITHM: "HS256",
      SESSION_LIMIT_POLICY: "newest",
      DATABASE_URL: "mysql://root:hunter2@db/x",
      REDIS_URL: "localhost:6379",
      BOOTSTRAP_ADMIN_USERNAME: "root",
    };
    expect(() => loadSettings(environment)).toThrow(SettingsError);
    const problems = problemsOf(environment);
    expect(problems).toHaveLength(6);
    const { message } = new SettingsError(problems);
    expect(message).toMatch(/^Curfew cannot start: 6 problems in its settings\.\n/);
    expect(message.split("\n")).toHaveLength(7);
    expect(message).toContain('GRPC_PORT must be a whole number from 0 to 65535; it is "99999".');
  });

  test("no message repeats a secret", () => {
    const message = problemsOf({
      NODE_ENV: "production",
      DATABASE_URL: "mysql://root:hunter2@db/x",
      REDIS_URL: "http://:hunter2@cache",
      KEY_ENCRYPTION_KEY: "hunter2",
      BOOTSTRAP_ADMIN_USERNAME: "root",
      BOOTSTRAP_ADMIN_PASSWORD: "hunter2",
    }).join("\n");
    expect(message).toContain("DATABASE_URL");
    expect(message).not.toContain("hunter2");
  });
});

test("every setting of the contract is there", () => {
  const contract =
    "GRPC_PORT HTTP_PORT METRICS_PORT HOST DATABASE_URL REDIS_URL DATA_DIR JWT_ISSUER JWT_AUDIENCE JWT_ALGORITHM ACCESS_TOKEN_EXPIRE_MINUTES SESSION_INACTIVITY_TIMEOUT_MINUTES SESSION_MAX_LIFETIME_HOURS REFRESH_GRACE_SECONDS MAX_CONCURRENT_SESSIONS SESSION_LIMIT_POLICY SESSION_CONSISTENCY_TIMEOUT_SECONDS SERVICE_AUTH TLS_CERT_FILE TLS_KEY_FILE TLS_CLIENT_CA_FILE BOOTSTRAP_ADMIN_USERNAME BOOTSTRAP_ADMIN_PASSWORD AUTO_MIGRATE KEY_ENCRYPTION_KEY JWT_KEYS_DIR CORS_ORIGINS TRUSTED_PROXIES REFLECTION WORKERS LOG_LEVEL";
  const names = Object.values(SETTINGS).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(contract.split(" ")));
  expect(new Set(names).size).toBe(names.length);
});
