import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../support/database_client.js";
import { type PostgresServer, startPostgres } from "../../support/postgres.js";
import { cloneDatabase } from "../../support/test_database.js";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres({ settings: { max_connections: "37" } });
}, 60_000);

afterAll(() => server.stop());

const clients: pg.Client[] = [];

async function connect(url = server.url, options: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = createClient({ connectionString: url, ...options });
  client.on("error", () => {});
  await client.connect();
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) await client.end();
});

describe("startPostgres", () => {
  test("takes settings and is fast rather than durable", async () => {
    const client = await connect();

    const { rows } = await client.query(
      "SELECT current_setting('max_connections') AS connections, current_setting('fsync') AS fsync",
    );

    expect(rows).toEqual([{ connections: "37", fsync: "off" }]);
  });

  test("a crash loses no commit, and the URL stays", async () => {
    const before = await connect();
    await before.query("CREATE TABLE kept (id int)");
    await before.query("INSERT INTO kept VALUES (1)");

    await server.restart("immediate");

    const after = await connect();
    expect((await after.query("SELECT id FROM kept")).rows).toEqual([{ id: 1 }]);
    await expect(before.query("SELECT 1")).rejects.toThrow();
  });

  test("a paused server hangs its connections, and goes on after resume", async () => {
    const client = await connect(server.url, { query_timeout: 500 });

    server.pause();
    await expect(client.query("SELECT 1")).rejects.toThrow("Query read timeout");
    server.resume();

    expect((await (await connect()).query("SELECT 2 AS two")).rows).toEqual([{ two: 2 }]);
  });
});

describe("cloneDatabase", () => {
  test("copies the template, apart from every other copy", async () => {
    const template = await cloneDatabase(server.url, "template0");
    const writer = await connect(template.url);
    await writer.query("CREATE TABLE copied (id int)");
    await writer.end();
    const name = new URL(template.url).pathname.slice(1);

    const [one, two] = await Promise.all([
      cloneDatabase(server.url, name),
      cloneDatabase(server.url, name),
    ]);

    await (await connect(one.url)).query("INSERT INTO copied VALUES (1)");
    expect((await (await connect(two.url)).query("SELECT * FROM copied")).rows).toEqual([]);
  });

  test("drop ends the connections that are left", async () => {
    const database = await cloneDatabase(server.url, "template0");
    const client = await connect(database.url);

    await database.drop();

    await expect(client.query("SELECT 1")).rejects.toThrow();
    await expect(connect(database.url)).rejects.toThrow("does not exist");
  });
});
