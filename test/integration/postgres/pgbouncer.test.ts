import { afterEach, describe, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { SessionAdminService } from "../../../generated/curfew/v1/session_admin.js";
import { type Database, openDatabase } from "../../../src/postgres/database.js";
import { checkDatabase } from "../../../src/postgres/database_check.js";
import { HOSTILE_DEFAULTS } from "../../contract/truth_altered.js";
import { type PgBouncer, startPgBouncer } from "../../support/pgbouncer.js";
import { createDatabase, type TestDatabase } from "../../support/postgres.js";
import { startTestService } from "../../support/service.js";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const openDatabases = async (settings: Record<string, string>) => {
  const direct: TestDatabase = await createDatabase();
  closers.push(() => direct.drop());
  const pooler: PgBouncer = await startPgBouncer(direct.url, settings);
  closers.push(() => pooler.stop());
  return { direct: direct.url, pooled: pooler.url };
};

const open = (connection: string, poolSize = 4): Database => {
  const database = openDatabase({
    connection,
    poolSize,
    acquireTimeoutMs: 10_000,
    statementTimeoutMs: 10_000,
  });
  closers.push(() => database.destroy());
  return database;
};

describe.each(["transaction", "session"])("behind PgBouncer in %s mode", (pool_mode) => {
  test("a service starts, says what it goes without, and everything works", async () => {
    // Fewer server connections than clients in transaction mode, so that each gets others' all the time.
    const default_pool_size = pool_mode === "transaction" ? "3" : "30";
    const { pooled } = await openDatabases({ pool_mode, default_pool_size });
    const lines: string[] = [];
    const service = await startTestService({ DATABASE_URL: pooled }, (line) => lines.push(line));
    closers.push(() => service.stop());
    expect(lines.join("\n")).toContain("PgBouncer");

    const users = await Promise.all(Array.from({ length: 4 }, () => service.createUser()));
    for (let round = 0; round < 3; round++) {
      const logins = await Promise.all(users.map(({ username }) => service.signIn(username)));
      await Promise.all(
        logins.map(async ({ accessToken, refreshToken }) => {
          await service.call(AuthServiceService.refreshTokens, { refreshToken, language: "" });
          await service.call(AuthServiceService.logout, { accessToken, language: "" });
        }),
      );
    }
    const all = { filter: undefined, all: true, dryRun: false, note: "", maxSessions: 0 };
    await service.call(SessionAdminService.revokeSessions, all, service.adminKey);
    await service.call(SessionAdminService.cleanupSessions, {}, service.adminKey);
    expect(lines.filter((line) => /"level":(50|60)/.test(line))).toEqual([]);
  });
});

describe("behind PgBouncer in transaction mode", () => {
  test("settings of ours stay with none of the server connections, which others use too", async () => {
    const { direct, pooled } = await openDatabases({
      pool_mode: "transaction",
      default_pool_size: "1",
    });
    const database = open(pooled);
    await database.raw("SELECT 1");
    const { rows } = await database.raw<{ rows: { name: string; setting: string }[] }>(
      `SELECT name, setting FROM pg_settings
       WHERE name IN ('statement_timeout', 'search_path', 'lock_timeout') ORDER BY name`,
    );
    const plain = open(direct, 1);
    expect(rows.map(({ setting }) => setting)).toEqual(["0", '"$user", public', "0"]);
    expect((await checkDatabase(plain)).isPooled).toBe(false);
  });

  test("defaults that cannot be set through it stop the start, with what to do", async () => {
    const { direct, pooled } = await openDatabases({ pool_mode: "transaction" });
    const name = new URL(direct).pathname.slice(1);
    const plain = open(direct);
    await plain.raw(`ALTER DATABASE ${name} SET default_transaction_isolation = serializable`);
    await plain.raw(`ALTER DATABASE ${name} SET synchronous_commit = off`);
    await expect(checkDatabase(open(pooled))).rejects.toThrow(
      /pooler such as PgBouncer.*ALTER ROLE … SET default_transaction_isolation = 'read committed'.*synchronous_commit = 'on'/,
    );
  });

  test("dates, time zone and strings are ours, whatever the database says", async () => {
    const { direct, pooled } = await openDatabases({
      pool_mode: "transaction",
      default_pool_size: "2",
    });
    const name = new URL(direct).pathname.slice(1);
    for (const setting of ["datestyle", "timezone", "standard_conforming_strings"])
      await open(direct).raw(
        `ALTER DATABASE ${name} SET ${setting} = ${HOSTILE_DEFAULTS[setting]}`,
      );
    const database = open(pooled);
    const found = await Promise.all(
      Array.from({ length: 20 }, () =>
        database.raw<{ rows: { at: unknown; text: string }[] }>(
          "SELECT '2026-11-30T00:00:00Z'::timestamptz AS at, 'a\\b' AS text",
        ),
      ),
    );
    for (const { rows } of found)
      expect(rows).toEqual([{ at: new Date("2026-11-30T00:00:00Z"), text: "a\\b" }]);
  });
});

test("a database that only reads is named at the start", async () => {
  const { url, drop } = await createDatabase();
  closers.push(drop);
  await open(url).raw(
    `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`,
  );
  await expect(checkDatabase(open(url))).rejects.toThrow(/default_transaction_read_only is on/);
});
