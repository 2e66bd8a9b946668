import { expect, onTestFinished, test } from "vitest";
import { sourceOf } from "../../../src/core/caller/source.js";
import { EVENT_SOURCE } from "../../../src/postgres/event_source.js";
import { createClient } from "../../support/database_client.js";
import { createDatabase } from "../../support/test_database.js";

/** As calls carry them: canonical (RFC 5952), or empty. */
const ADDRESSES = [
  "",
  "192.0.2.1",
  "::",
  "::1",
  "2001:db8::",
  "2001:db8::1",
  "2001:db8:1:2:3:4:5:6",
  "2001:db8:1:2::6",
  "2001:0:0:1:2:3:4:5",
  "2001::1:2:3:4:5",
  "1:0:0:2::",
  "1:0:0:2:0:0:0:9",
  "0:0:0:2::",
  "1::2:3:4",
  "fe80::1",
  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];

test("D9: Postgres counts events by the same sources as the rest of the service", async () => {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  const client = createClient(url);
  await client.connect();
  onTestFinished(() => client.end());
  const { rows } = await client.query<{ ip: string; source: string }>(
    `SELECT e.ip, ${EVENT_SOURCE} AS source FROM unnest($1::text[]) AS e(ip)`,
    [ADDRESSES],
  );
  expect(rows).toEqual(ADDRESSES.map((ip) => ({ ip, source: sourceOf(ip) })));
  // A value that is no address is a source of its own, and fails no statement.
  const odd = await client.query<{ source: string }>(
    `SELECT ${EVENT_SOURCE} AS source FROM unnest($1::text[]) AS e(ip)`,
    [["fe80::1%eth0", "unknown"]],
  );
  expect(odd.rows.map(({ source }) => source)).toEqual(["fe80::1%eth0", "unknown"]);
});
