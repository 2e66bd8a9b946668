import type pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Database, openDatabase } from "../../../src/postgres/database.js";
import { migrateUp, migrationStatus } from "../../../src/postgres/migrate.js";
import { MIGRATION_LOCK } from "../../../src/postgres/migration_lock.js";
import { MIGRATIONS } from "../../../src/postgres/migrations/index.js";
import { createClient } from "../../support/database_client.js";
import { createDatabase, type TestDatabase } from "../../support/postgres.js";
import { waitUntil } from "../../support/wait_until.js";

const ALL = MIGRATIONS.map(({ name }) => name);
const TABLES = [
  "audit_events",
  "event_followers",
  "hot_epochs",
  "identities",
  "job_leases",
  "keys",
  "known_devices",
  "login_throttle",
  "replicas",
  "service_keys",
  "session_census",
  "session_requests",
  "sessions",
  "used_subject_tokens",
  "users",
];

let empty: TestDatabase;
const pools: Database[] = [];
const holders: pg.Client[] = [];

/** A process that starts: with a pool of its own. */
const open = (): Database => {
  const pool = openDatabase({
    connection: empty.url,
    poolSize: 2,
    acquireTimeoutMs: 10_000,
    statementTimeoutMs: 0,
  });
  pools.push(pool);
  return pool;
};
const start = () => migrateUp(open(), empty.url);

beforeEach(async () => {
  empty = await createDatabase({ schema: "empty" });
});
afterEach(async () => {
  await Promise.all(holders.splice(0).map((holder) => holder.end()));
  await Promise.all(pools.splice(0).map((pool) => pool.destroy()));
  await empty.drop();
});

const tables = async (): Promise<string[]> => {
  const found = await open()("pg_tables")
    .where("schemaname", "public")
    .pluck<string[]>("tablename");
  return found.filter((name) => !name.startsWith("curfew_migrations")).sort();
};

test("an empty database has everything pending, a migrated one nothing, and asking changes nothing", async () => {
  const database = open();
  expect(await migrationStatus(database)).toEqual({ applied: [], pending: ALL });
  expect(await tables()).toEqual([]);
  expect(await start()).toEqual(ALL);
  expect(await migrationStatus(database)).toEqual({ applied: ALL, pending: [] });
  expect(await tables()).toEqual(TABLES);
  expect(await start()).toEqual([]);
});

test("of six that start at once on an empty database one migrates, and all find it migrated", async () => {
  const applied = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const database = open();
      const done = await migrateUp(database, empty.url);
      expect((await migrationStatus(database)).pending).toEqual([]);
      return done;
    }),
  );
  expect(applied.flat()).toEqual(ALL);
  expect(await tables()).toEqual(TABLES);
});

describe("while another process migrates", () => {
  /** Holds the lock as a migrator does. */
  const hold = async () => {
    const holder = createClient({ connectionString: empty.url, application_name: "the other one" });
    await holder.connect();
    holders.push(holder);
    await holder.query("BEGIN");
    await holder.query("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    return holder;
  };

  test("a start says again and again for whom it waits, and migrates then", async () => {
    const holder = await hold();
    const notices: string[] = [];
    const starting = migrateUp(open(), empty.url, {
      noticeMs: 1,
      onWait: (sentence) => notices.push(sentence),
    });
    await waitUntil("it has said so twice", () => notices.length >= 2, 30_000);
    expect(notices[0]).toMatch(
      /^waiting to migrate the database, for at most \d+ s more: "the other one" from \S+ \(process \d+ of PostgreSQL\) holds the lock of migrations, for \d+ s$/,
    );
    await holder.query("ROLLBACK");
    expect(await starting).toEqual(ALL);
  });

  test("a start gives up in the end, with one sentence, and has changed nothing", async () => {
    await hold();
    await expect(migrateUp(open(), empty.url, { limitMs: 1 })).rejects.toMatchObject({
      reason: "DEPENDENCY_UNAVAILABLE",
      cause: {
        message: expect.stringMatching(
          /^the database was not migrated: "the other one" .*pg_terminate_backend\(\d+\)$/,
        ),
      },
    });
    expect(await tables()).toEqual([]);
  });

  test("the one that migrates is known by its process and machine", async () => {
    const names: string[] = [];
    const watcher = open();
    const release = await hold();
    const starting = start();
    await waitUntil(
      "it waits",
      async () => {
        names.push(
          ...(await watcher("pg_stat_activity")
            .whereRaw("datname = current_database()")
            .pluck<string[]>("application_name")),
        );
        return names.some((name) => name.startsWith(`curfew ${process.pid} on `));
      },
      30_000,
    );
    await release.query("ROLLBACK");
    await starting;
  });
});

test("a database of a later version is left as it is", async () => {
  const database = open();
  await start();
  await database("curfew_migrations").insert({ name: "9999_of_tomorrow", batch: 2 });
  expect(await start()).toEqual([]);
  expect((await migrationStatus(database)).applied).toEqual([...ALL, "9999_of_tomorrow"]);
});

describe("a starter that dies half way", () => {
  /** Makes a table that the migration makes too, unseen by others: the migration waits until it is rolled back. */
  const holdUp = async () => {
    const holder = createClient(empty.url);
    await holder.connect();
    holders.push(holder);
    await holder.query("BEGIN");
    await holder.query("CREATE TABLE login_throttle (held boolean)");
    return () => holder.query("ROLLBACK");
  };

  /** The backend that is held up, once there is one. */
  const heldUp = async (): Promise<number> => {
    let pid: number | undefined;
    await waitUntil("the migration waits", async () => {
      const { rows } = await open().raw<{ rows: { pid: number }[] }>(
        `SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE '%CREATE TABLE users%'
           AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()`,
      );
      pid = rows[0]?.pid;
      return pid !== undefined;
    });
    return pid ?? 0;
  };

  test("leaves nothing behind that the next one stumbles over", async () => {
    const release = await holdUp();
    const dying = start();
    const died = expect(dying).rejects.toThrow();
    await open().raw("SELECT pg_terminate_backend(?)", [await heldUp()]);
    await died;
    await release();
    expect(await tables()).toEqual([]);
    expect(await start()).toEqual(ALL);
    expect(await tables()).toEqual(TABLES);
  });

  test("hands over to one that waits already", async () => {
    const release = await holdUp();
    const dying = start();
    const died = expect(dying).rejects.toThrow();
    const pid = await heldUp();
    const waiting = start();
    await open().raw("SELECT pg_terminate_backend(?)", [pid]);
    await died;
    await release();
    expect(await waiting).toEqual(ALL);
    expect(await tables()).toEqual(TABLES);
  });

  test("of its connections the guard's alone: the migration is whole or fails, and the process lives", async () => {
    const release = await holdUp();
    const starting = start();
    await heldUp();
    const { rows } = await open().raw<{ rows: unknown[] }>(
      `SELECT pg_terminate_backend(l.pid) FROM pg_locks l
       JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
       WHERE l.locktype = 'advisory' AND l.granted`,
    );
    expect(rows).toHaveLength(1);
    await release();
    await starting;
    expect(await tables()).toEqual(TABLES);
  });
});
