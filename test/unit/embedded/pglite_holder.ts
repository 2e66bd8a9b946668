import { openEmbeddedPostgres } from "../../../src/embedded/pglite.js";
import { createClient } from "../../support/database_client.js";

/** A process that holds a data directory and says each number once it is committed, until it is killed. */
const { connection } = await openEmbeddedPostgres({ dataDir: process.argv[2] ?? "" });
const client = createClient(connection);
await client.connect();
await client.query("CREATE TABLE kept (number int)");
for (let number = 1; ; number += 1) {
  await client.query("INSERT INTO kept VALUES ($1)", [number]);
  process.stdout.write(`${number}\n`);
}
