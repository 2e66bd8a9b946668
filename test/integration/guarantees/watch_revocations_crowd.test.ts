import { afterAll, beforeAll, expect, test } from "vitest";
import type { RevocationEvent } from "../../../src/core/revocation/revocation.js";
import {
  type RevocationFeed,
  revocationFeed,
} from "../../../src/core/revocation/revocation_feed.js";
import {
  type CoreReplica,
  makeUser,
  signIn,
  startCoreReplica,
} from "../../support/core_replica.js";
import { redisUrlForFile } from "../../support/redis.js";
import { createDatabase, type TestDatabase } from "../../support/test_database.js";

const WATCHERS = 2000;
const ENDINGS = 5;

let database: TestDatabase;
let replica: CoreReplica;
let feed: RevocationFeed;
/** How often the order of revocations was read. */
let reads = 0;

beforeAll(async () => {
  database = await createDatabase();
  replica = await startCoreReplica({
    databaseUrl: database.url,
    redisUrl: await redisUrlForFile(),
  });
  replica.database.on("query", ({ sql }: { sql: string }) => {
    if (sql.includes("AS last_revision")) reads += 1;
  });
  feed = revocationFeed({ ...replica.ports, cacheLease: replica.core.cacheLease });
});
afterAll(async () => {
  await replica?.close();
  await database?.drop();
});

const readUntil = async (
  watcher: AsyncGenerator<RevocationEvent, void>,
  isLast: (event: RevocationEvent) => boolean,
): Promise<string[]> => {
  const sessionIds: string[] = [];
  for (;;) {
    const { value } = await watcher.next();
    if (value === undefined) throw new Error("The stream is over.");
    if (value.kind === "revocation") sessionIds.push(value.revocation.sessionId);
    if (isLast(value)) return sessionIds;
  }
};

test("D5 2,000 watchers cost one reader", async () => {
  const user = await makeUser(replica);
  const sessionIds: string[] = [];
  for (let logins = 0; logins < ENDINGS; logins++)
    sessionIds.push((await signIn(replica, user.username)).session.id);

  const watchers = Array.from({ length: WATCHERS }, () =>
    feed.watch(0n, new AbortController().signal),
  );
  await Promise.all(
    watchers.map((watcher) => readUntil(watcher, ({ kind }) => kind === "watermark")),
  );
  expect(feed.watchers()).toBe(WATCHERS);
  expect(reads).toBeLessThan(WATCHERS / 20);

  reads = 0;
  let polls = 0;
  const all = Promise.all(
    watchers.map((watcher) =>
      readUntil(
        watcher,
        (event) => event.kind === "revocation" && event.revocation.sessionId === sessionIds.at(-1),
      ),
    ),
  );
  for (const sessionId of sessionIds) {
    await replica.core.end.one(sessionId, { reason: "ADMIN", by: "test" });
    await feed.poll();
    polls += 1;
  }
  for (const seen of await all) expect(seen).toEqual(sessionIds);
  expect(reads).toBe(polls);

  await Promise.all(watchers.map((watcher) => watcher.return()));
  await feed.poll();
  expect(reads).toBe(polls);
});
