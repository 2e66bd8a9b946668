import { describe, expect, test } from "vitest";
import type { KeySummary, LocalAdmin, ServiceKeySummary } from "../../../src/cli/local_admin.js";
import { fail, unavailable } from "../../../src/core/errors.js";
import { AT } from "./fixtures.js";
import { run } from "./recording_terminal.js";

const SETTINGS = { KEY_ENCRYPTION_KEY: "0".repeat(64), DATABASE_URL: "postgres://db/curfew" };
const curfew = (words: string, localAdmin: Partial<LocalAdmin>, environment = {}) =>
  run(words.split(" "), {
    localAdmin,
    environment: { ...SETTINGS, ...environment },
  });

const SERVICE: ServiceKeySummary = {
  id: "k1",
  name: "billing",
  scopes: ["validate"],
  createdAt: +AT,
  revokedAt: undefined,
};
const KEY: KeySummary = {
  kid: "2026-05",
  use: "sign",
  algorithm: "EdDSA",
  state: "next",
  createdAt: +AT,
  sealed: true,
  signsFrom: +AT + 600_000,
};

describe("serve and gateway", () => {
  test("get the settings and a logger that writes JSON lines", async () => {
    const { output, exitCode } = await curfew(
      "serve",
      {
        serve: async (settings, logger) => {
          logger.info({ port: settings.grpcPort }, "listening");
        },
      },
      { GRPC_PORT: "6000", SESSION_INACTIVITY_TIMEOUT_MINUTE: "5" },
    );
    const lines = output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { msg: string });
    expect(exitCode).toBe(0);
    expect(lines).toMatchObject([
      { level: "warn", msg: expect.stringContaining("SESSION_INACTIVITY_TIMEOUT_MINUTES?") },
      { level: "info", msg: "listening", port: 6000 },
    ]);
  });

  test("on a terminal outside production the log is for people, unless --json", async () => {
    const serve: LocalAdmin["serve"] = async (_settings, logger) => logger.info("listening");
    const screen = { columns: 80, rows: 24 };
    const environment = { KEY_ENCRYPTION_KEY: "0".repeat(64) };
    const people = await run(["serve"], { localAdmin: { serve }, environment, screen });
    expect(people.output).toMatch(/INFO.*: .*listening/);
    expect(people.output).not.toContain("{");
    const json = await run(["serve", "--json"], { localAdmin: { serve }, environment, screen });
    expect(JSON.parse(json.output)).toMatchObject({ msg: "listening" });
  });

  test("the first user is told in words on a terminal, and else in a line of JSON", async () => {
    const user = { username: "admin", password: "made up", signIn: "buf curl … Login" };
    const serve: LocalAdmin["serve"] = async (_settings, _logger, tell) => tell(user);
    const environment = { KEY_ENCRYPTION_KEY: "0".repeat(64) };
    const screen = { columns: 80, rows: 24 };
    const people = await run(["serve"], { localAdmin: { serve }, environment, screen });
    expect(people.output).toContain('The first user is "admin", with the password made up\n');
    expect(people.output).toMatch(/^ {4}buf curl … Login$/m);
    const { output } = await run(["serve"], { localAdmin: { serve }, environment });
    const line = { level: "info", username: "admin", password: "made up", sign_in: user.signIn };
    expect(JSON.parse(output)).toMatchObject(line);
    expect(output.split("\n")).toHaveLength(2);
  });

  test("bad settings stop the start before anything is opened", async () => {
    let opened = false;
    const serve: LocalAdmin["serve"] = async () => {
      opened = true;
    };
    const outcome = await curfew("serve", { serve }, { GRPC_PORT: "x", JWT_ALGORITHM: "none" });
    expect(outcome).toMatchObject({ exitCode: 2, output: "" });
    expect(outcome.errors).toMatch(
      /^curfew: Curfew cannot start: 2 problems in its settings\.\n {2}- GRPC_PORT.*\n {2}- JWT_ALGORITHM.*\n$/,
    );
    expect(opened).toBe(false);
  });

  test("a gateway asks for no store and no key", async () => {
    const outcome = await run(["gateway"], {
      environment: { NODE_ENV: "production", GATEWAY_TARGET: "curfew:50051" },
      localAdmin: {
        gateway: async ({ gatewayTarget }, logger) => logger.info(`in front of ${gatewayTarget}`),
      },
    });
    expect(outcome).toMatchObject({ exitCode: 0, errors: "" });
    expect(outcome.output).toContain("in front of curfew:50051");
  });

  test("a start that fails says why", async () => {
    const outcome = await curfew("serve", {
      serve: () => Promise.reject(new Error("Port 50051 is in use.")),
    });
    expect(outcome).toMatchObject({ exitCode: 1, errors: "curfew: Port 50051 is in use.\n" });
  });
});

describe("migrate", () => {
  const migrateStatus: LocalAdmin["migrateStatus"] = async () => ({
    applied: ["0001_initial"],
    pending: ["0002_audit"],
  });

  test("up tells what it applied", async () => {
    const some = await curfew("migrate up", { migrateUp: async () => ["0002_audit"] });
    expect(some.output).toBe("Applied 1 migration:\n0002_audit\n");
    const none = await curfew("migrate up --json", { migrateUp: async () => [] });
    expect(JSON.parse(none.output)).toEqual({ applied: [] });
  });

  test("status tells what is there and what is missing", async () => {
    const { output } = await curfew("migrate status", { migrateStatus });
    expect(output).toBe(
      "applied  0001_initial\npending  0002_audit\n1 migration to apply: run `curfew migrate up`.\n",
    );
    const json = await curfew("migrate status --json", { migrateStatus });
    expect(JSON.parse(json.output)).toEqual({ applied: ["0001_initial"], pending: ["0002_audit"] });
  });

  test("restored tells from where revisions go on", async () => {
    const markRestored = async () => 1_000_000_000_007n;
    const { output } = await curfew("migrate restored", { markRestored });
    expect(output).toBe("The next revocation has a revision after 1000000000007.\n");
    const json = await curfew("migrate restored --json", { markRestored });
    expect(JSON.parse(json.output)).toEqual({ revision: 1000000000007 });
  });

  test("needs nothing but the database in production", async () => {
    const outcome = await run(["migrate", "status"], {
      environment: { NODE_ENV: "production", DATABASE_URL: "postgres://db/curfew" },
      localAdmin: { migrateStatus },
    });
    expect(outcome).toMatchObject({ exitCode: 0, errors: "" });
  });

  test("a new database is not made without a word", async () => {
    const status = (DATA_DIR: string) =>
      curfew("migrate status", { migrateStatus }, { DATA_DIR, DATABASE_URL: "" });
    expect((await status("/nowhere/curfew")).errors).toBe(
      "curfew: warning: DATABASE_URL is not set: this makes a new database, embedded in /nowhere/curfew.\n",
    );
    expect((await status(import.meta.dirname)).errors).toBe("");
  });

  test("services create makes no new database without --init", async () => {
    const createServiceKey: LocalAdmin["createServiceKey"] = async (
      _settings,
      { name, scopes },
    ) => ({
      key: { id: "k", name, scopes, createdAt: 0, revokedAt: undefined },
      text: "cfs_text",
    });
    const create = (options: string, environment: Record<string, string>) =>
      curfew(`services create billing${options}`, { createServiceKey }, environment);
    const nowhere = { DATA_DIR: "/nowhere/curfew", DATABASE_URL: "" };
    const refused = await create("", nowhere);
    expect(refused).toMatchObject({ exitCode: 2, output: "" });
    expect(refused.errors).toMatch(/there is no database in \/nowhere\/curfew: .* add --init/);
    expect(await create(" --init", nowhere)).toMatchObject({ exitCode: 0 });
    expect(await create("", { ...nowhere, DATA_DIR: import.meta.dirname })).toMatchObject({
      exitCode: 0,
    });
  });

  test("a database that does not answer is one sentence", async () => {
    const outcome = await curfew("migrate up", {
      migrateUp: () => Promise.reject(unavailable(new Error("connect ECONNREFUSED"))),
    });
    expect(outcome.exitCode).toBe(1);
    expect(outcome.errors).toMatch(
      /^curfew: The database does not answer: check DATABASE_URL.*\(connect ECONNREFUSED\)\n$/,
    );
  });
});

describe("services", () => {
  test("create prints the key once, first and alone on its line", async () => {
    const made: unknown[] = [];
    const createServiceKey: LocalAdmin["createServiceKey"] = async (_settings, key) => {
      made.push(key);
      return { key: SERVICE, text: "cfs_secret" };
    };
    const outcome = await curfew("services create billing", { createServiceKey });
    expect(outcome.output.split("\n")[0]).toBe("cfs_secret");
    const json = await curfew("services create ops --scope admin --scope validate --json", {
      createServiceKey,
    });
    expect(JSON.parse(json.output)).toMatchObject({ key_id: "k1", key: "cfs_secret" });
    expect(made).toEqual([
      { name: "billing", scopes: ["validate"] },
      { name: "ops", scopes: ["validate", "admin"] },
    ]);
  });

  test("list shows no key text", async () => {
    const listServiceKeys = async () => [SERVICE];
    const { output } = await curfew("services list", { listServiceKeys });
    expect(output).toMatch(
      /^KEY +NAME +SCOPES +CREATED +REVOKED\nk1 +billing +validate +2026-05-01T10:00:00Z +-\n$/,
    );
    expect(JSON.parse((await curfew("services list --json", { listServiceKeys })).output)).toEqual([
      { key_id: "k1", name: "billing", scopes: ["validate"], created_at: AT.toISOString() },
    ]);
  });

  test("revoke of an unknown key is a failure", async () => {
    const outcome = await curfew("services revoke nope", { revokeServiceKey: async () => false });
    expect(outcome.exitCode).toBe(1);
    expect(outcome.errors).toBe(
      "curfew: There is no service key nope to revoke: it is unknown, or revoked already. See `curfew services list`.\n",
    );
    const done = await curfew("services revoke k1", { revokeServiceKey: async () => true });
    expect(done).toMatchObject({ exitCode: 0, output: "Revoked k1.\n" });
  });
});

describe("keys", () => {
  test("list tells where each stands", async () => {
    const listKeys = async () => [KEY];
    const { output } = await curfew("keys list", { listKeys });
    expect(output).toMatch(
      /\n2026-05 +sign +EdDSA +next +yes +2026-05-01T10:00:00Z +2026-05-01T10:10:00Z +-\n$/,
    );
    expect(JSON.parse((await curfew("keys list --json", { listKeys })).output)).toMatchObject([
      { kid: "2026-05", state: "next", encrypted: true, signs_from: "2026-05-01T10:10:00.000Z" },
    ]);
  });

  test("rotate says when the next key signs", async () => {
    const asked: unknown[] = [];
    const rotateKey: LocalAdmin["rotateKey"] = async (_settings, how) => {
      asked.push(how);
      return KEY;
    };
    const { output } = await curfew("keys rotate", { rotateKey });
    expect(output).toBe("Made key 2026-05; it signs from 2026-05-01T10:10:00Z on.\n");
    await curfew("keys rotate --use refresh --immediately", { rotateKey });
    expect(asked).toEqual([
      { use: "sign", immediately: false },
      { use: "refresh", immediately: true },
    ]);
  });

  test("retire tells why it is refused", async () => {
    const refused = await curfew("keys retire 2026-05", {
      retireKey: () => Promise.reject(new Error("Key 2026-05 signs: rotate first.")),
    });
    expect(refused).toMatchObject({
      exitCode: 1,
      errors: "curfew: Key 2026-05 signs: rotate first.\n",
    });
    const done = await curfew("keys retire 2026-05 --force", { retireKey: async () => undefined });
    expect(done).toMatchObject({ exitCode: 0, output: "Retired 2026-05.\n" });
  });

  test("work on keys in production needs what encrypts them", async () => {
    const outcome = await run(["keys", "list"], {
      environment: { NODE_ENV: "production", DATABASE_URL: "postgres://db/curfew" },
    });
    expect(outcome.exitCode).toBe(2);
    expect(outcome.errors).toContain("KEY_ENCRYPTION_KEY is required in production");
  });
});

test("a failure of the core is told in words", async () => {
  const outcome = await run(["users", "create", "ann", "--direct", "--password-stdin"], {
    piped: "a long enough password\n",
    environment: SETTINGS,
    localAdmin: { createUser: () => Promise.reject(fail("ALREADY_EXISTS")) },
  });
  expect(outcome).toMatchObject({
    exitCode: 1,
    errors: "curfew: There is one of that name already.\n",
  });
});
