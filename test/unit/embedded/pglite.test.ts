import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, cp, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type EmbeddedPostgres, openEmbeddedPostgres } from "../../../src/embedded/pglite.js";
import { createClient, createPool } from "../../support/database_client.js";

const SLOW = 120_000;

let parent: string;
/** A data directory as a first start leaves it, which takes seconds to make. */
let made: string;
let copies = 0;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "curfew-embedded-"));
  made = join(parent, "made");
  // Simulates the files of a first start that was interrupted.
  await mkdir(join(made, "postgres.new", "base"), { recursive: true });
  await writeFile(join(made, "postgres.new", "PG_VERSION"), "18\n");
  await (await openEmbeddedPostgres({ dataDir: made })).close();
}, SLOW);
afterAll(() => rm(parent, { recursive: true, force: true }));

const copyOfMade = async (): Promise<string> => {
  copies += 1;
  const dataDir = join(parent, `copy-${copies}`);
  await cp(made, dataDir, { recursive: true });
  return dataDir;
};

describe("while it is open", () => {
  let dataDir: string;
  let embedded: EmbeddedPostgres;
  let pool: pg.Pool;

  beforeAll(async () => {
    dataDir = await copyOfMade();
    embedded = await openEmbeddedPostgres({ dataDir });
    pool = createPool({ ...embedded.connection, max: 8 });
  }, SLOW);
  beforeEach(async () => {
    await pool.query("DROP TABLE IF EXISTS counter");
    await pool.query("CREATE TABLE counter AS SELECT 0 AS value");
  });
  afterAll(async () => {
    await pool.end();
    await embedded.close();
  }, SLOW);

  const inTransaction = async (work: (client: pg.PoolClient) => Promise<void>): Promise<void> => {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      await work(client);
      await client.query("COMMIT");
    } finally {
      client.release();
    }
  };
  const value = async (): Promise<number> =>
    (await pool.query("SELECT value FROM counter")).rows[0].value;

  test("it is Postgres, in a folder that only its owner may enter", async () => {
    const { rows } = await pool.query("SELECT version() AS version");
    expect(rows[0].version).toMatch(/^PostgreSQL \d+/);
    expect((await stat(embedded.connection.host)).mode & 0o777).toBe(0o700);
  });

  test("transactions of several connections are served one after the other", async () => {
    const add = (): Promise<void> =>
      inTransaction(async (client) => {
        const { rows } = await client.query("SELECT value FROM counter");
        await client.query("UPDATE counter SET value = $1", [rows[0].value + 1]);
      });
    await Promise.all(Array.from({ length: 40 }, add));
    expect(await value()).toBe(40);
  });

  test("queries too large for one read are each given their own answer", async () => {
    const asked = Array.from({ length: 24 }, (_, i) => `${i}`.padStart(1_000_000, "-"));
    const answers = await Promise.all(
      asked.map((text, i) =>
        pool.query(`SELECT ${i} AS asked, length($1::text) AS size, right($1, 2) AS tail`, [text]),
      ),
    );
    expect(answers.map(({ rows }) => rows[0])).toEqual(
      asked.map((text, i) => ({ asked: i, size: 1_000_000, tail: text.slice(-2) })),
    );
  });

  test("the failure of one connection's statement is no other's", async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, (_, i) => pool.query("SELECT 6 / $1::int AS v", [i % 3])),
    );
    const seen = outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? outcome.value.rows[0].v : outcome.reason.code,
    );
    expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => ["22012", 6, 3][i % 3]));
  });

  test("a connection lost in a transaction leaves nothing behind", async () => {
    const client = createClient(embedded.connection);
    client.on("error", () => undefined);
    await client.connect();
    await client.query("BEGIN");
    await client.query("UPDATE counter SET value = 99");
    const waiting = value();
    await client.end();
    expect(await waiting).toBe(0);
  });

  test("so does one lost between a failed message and its Sync, in a transaction", async () => {
    const socket = connect(join(embedded.connection.host, ".s.PGSQL.5432"));
    socket.write(startup("user", "postgres", "database", "postgres"));
    socket.write(message("Q", "BEGIN; UPDATE counter SET value = 99"));
    socket.write(message("P", "", "no such statement", Buffer.of(0, 0)));
    let received = "";
    for await (const chunk of socket) {
      received += chunk;
      if (received.includes("syntax error")) break;
    }
    socket.destroy();
    expect(await value()).toBe(0);
    await inTransaction(async (client) => {
      await client.query("UPDATE counter SET value = $1", [7]);
    });
    expect(await value()).toBe(7);
  });

  test("a second start on the directory is refused, and harms nothing", async () => {
    await expect(openEmbeddedPostgres({ dataDir })).rejects.toThrow(
      `${dataDir} is in use by process ${process.pid}`,
    );
    expect(await value()).toBe(0);
  });
});

test(
  "data survives a restart, over loopback TCP too, and close leaves no socket",
  async () => {
    const dataDir = await copyOfMade();
    const first = await openEmbeddedPostgres({ dataDir });
    await runOn(first, "CREATE TABLE kept AS SELECT 42 AS number");
    await Promise.all([first.close(), first.close()]);
    await expect(access(first.connection.host)).rejects.toThrow("ENOENT");
    const second = await openEmbeddedPostgres({ dataDir, tcp: true });
    expect(second.connection).toMatchObject({ host: "127.0.0.1", port: expect.any(Number) });
    expect(await runOn(second, "SELECT number FROM kept")).toEqual([{ number: 42 }]);
    await second.close();
  },
  SLOW,
);

describe("another process", () => {
  let holder: ChildProcess;
  afterEach(() => holder.kill("SIGKILL"));

  test(
    "holds the directory until kill -9, after which all that it committed is there",
    async () => {
      const dataDir = await copyOfMade();
      const program = join(import.meta.dirname, "pglite_holder.ts");
      holder = spawn(process.execPath, ["--import", "tsx", program, dataDir], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const stdout = holder.stdout;
      if (stdout === null) throw new Error("no output");
      let committed = 0;
      for await (const line of createInterface({ input: stdout })) {
        committed = Number(line);
        if (committed === 50)
          await expect(openEmbeddedPostgres({ dataDir })).rejects.toThrow(
            `in use by process ${holder.pid}`,
          );
        if (committed === 300) holder.kill("SIGKILL");
      }
      if (holder.signalCode === null) await once(holder, "exit");
      expect(committed).toBeGreaterThanOrEqual(300);
      const embedded = await openEmbeddedPostgres({ dataDir });
      const [kept] = await runOn(
        embedded,
        "SELECT count(*)::int AS n, max(number) AS newest FROM kept",
      );
      await embedded.close();
      // One more may have been committed and not said.
      expect([committed, committed + 1]).toContain(kept.newest);
      expect(kept.n).toBe(kept.newest);
    },
    SLOW,
  );
});

test(
  "a database that cannot be opened is named, and the directory is free again",
  async () => {
    const dataDir = await copyOfMade();
    await rm(join(dataDir, "postgres", "global"), { recursive: true });
    for (let attempt = 0; attempt < 2; attempt += 1)
      await expect(openEmbeddedPostgres({ dataDir })).rejects.toThrow(
        `The database in ${join(dataDir, "postgres")} cannot be opened`,
      );
  },
  SLOW,
);

const runOn = async (embedded: EmbeddedPostgres, sql: string) => {
  const client = createClient(embedded.connection);
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
};

const zeroEnded = (parts: (string | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(`${part}\0`) : part)));

const withLength = (body: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
};

/** A StartupMessage of protocol 3.0. */
const startup = (...parameters: string[]): Buffer =>
  withLength(Buffer.concat([Buffer.of(0, 3, 0, 0), zeroEnded([...parameters, ""])]));

const message = (type: string, ...parts: (string | Buffer)[]): Buffer =>
  Buffer.concat([Buffer.from(type), withLength(zeroEnded(parts))]);
