import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { SessionAdminService } from "../../../generated/curfew/v1/session_admin.js";
import { createPool } from "../../support/database_client.js";
import { type PostgresServer, startPostgres } from "../../support/postgres.js";
import { type RedisServer, startRedis } from "../../support/redis.js";
import { startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";
import { type RevocationWatch, watchRevocations } from "./revocation_watch.js";
import { INSERT_SESSIONS } from "./session_rows.js";

let postgres: PostgresServer;
let redis: RedisServer;
let a: TestService;
let b: TestService;
let pool: pg.Pool;

beforeAll(async () => {
  postgres = await startPostgres();
  pool = createPool({ connectionString: postgres.url, max: 1 });
  // Its connections die with the server; the next query gets another one.
  pool.on("error", () => undefined);
  redis = await startRedis();
  const stores = { DATABASE_URL: postgres.url, REDIS_URL: redis.url };
  a = await startTestService({ HTTP_PORT: "0", ...stores });
  b = await startTestService({ HTTP_PORT: "0", ...stores });
});
afterAll(async () => {
  await b?.stop();
  await a?.stop();
  await pool?.end();
  await redis?.stop("SIGKILL");
  await postgres?.stop("immediate");
});

const watches: RevocationWatch[] = [];
afterEach(() => {
  for (const watch of watches.splice(0)) watch.close();
});
const watch = (afterRevision = 0n): RevocationWatch => {
  const opened = watchRevocations(b.target, a.adminKey, afterRevision);
  watches.push(opened);
  return opened;
};

const newSession = async (): Promise<string> => {
  const { rows } = await pool.query<{ session_id: string }>(INSERT_SESSIONS, [1, randomUUID()]);
  return rows[0]?.session_id ?? "";
};
/** Ends a session on the first replica, as often as it takes until that is certain. */
const revoke = (sessionId: string): Promise<void> =>
  waitUntil(
    "the revocation is certain",
    () =>
      a.call(SessionAdminService.revokeSession, { sessionId, note: "" }, a.adminKey).then(
        () => true,
        () => false,
      ),
    25_000,
  );

describe("L7 without Redis", () => {
  test("L7 revocations are told by the poll alone, and watermarks go on", async () => {
    const watcher = watch();
    await watcher.nextWatermark();
    await redis.stop("SIGKILL");
    const sessionIds = [await newSession(), await newSession(), await newSession()];
    for (const sessionId of sessionIds) {
      await revoke(sessionId);
      const answeredAt = performance.now();
      expect((await watcher.toldOf(sessionId)) - answeredAt).toBeLessThan(1000);
      await watcher.nextWatermark();
    }
    expect(watcher.sessionIds()).toEqual(sessionIds);

    await redis.restart();
    const after = await newSession();
    await revoke(after);
    await watcher.toldOf(after);
    expect(watcher.failure()).toBeUndefined();
  });
});

describe("L7 without Postgres", () => {
  test("L7 there is no watermark of a moment at which nothing was known, and no gap afterwards", async () => {
    const watcher = watch();
    await watcher.nextWatermark();
    const before = await newSession();
    await revoke(before);
    await watcher.toldOf(before);
    const { rows } = await pool.query<{ now: Date }>("SELECT clock_timestamp() AS now");
    const stoppedAt = Number(rows[0]?.now);

    await postgres.stop("immediate");
    const ended = await watcher.ended();
    // Other replicas may be better off: it is for the watcher to look.
    expect(ended).toMatchObject({ code: 14, reason: "DEPENDENCY_UNAVAILABLE" });
    expect(Number(watcher.watermarks.at(-1)?.message.at)).toBeLessThan(stoppedAt + 1000);
    expect(await watch(watcher.lastRevision()).ended()).toMatchObject({
      code: 14,
      reason: "DEPENDENCY_UNAVAILABLE",
    });

    await postgres.restart();
    let missed = "";
    await waitUntil("Postgres answers", async () => {
      missed = await newSession().catch(() => "");
      return missed !== "";
    });
    await revoke(missed);
    let resumed = watch(watcher.lastRevision());
    await waitUntil("the replica has found it too", () => {
      if (resumed.failure() !== undefined) resumed = watch(watcher.lastRevision());
      return resumed.watermarks.length > 0;
    });
    expect(resumed.sessionIds()).toEqual([missed]);
  });

  test("L7 a stream outlives a restart of Postgres", async () => {
    const watcher = watch();
    await watcher.nextWatermark();
    const early = await newSession();
    await postgres.restart("immediate");
    await revoke(early);
    await watcher.toldOf(early);
    await watcher.nextWatermark();
    expect(watcher.failure()).toBeUndefined();
  });
});
