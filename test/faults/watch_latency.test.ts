import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { SessionAdminService } from "../../generated/curfew/v1/session_admin.js";
import {
  type RevocationWatch,
  watchRevocations,
} from "../integration/guarantees/revocation_watch.js";
import { INSERT_SESSIONS } from "../integration/guarantees/session_rows.js";
import { startTestService, type TestService } from "../support/service.js";

let a: TestService;
let b: TestService;
let watcher: RevocationWatch | undefined;

beforeAll(async () => {
  a = await startTestService({ HTTP_PORT: "0" });
  b = await startTestService({
    HTTP_PORT: "0",
    DATABASE_URL: a.databaseUrl,
    REDIS_URL: a.redisUrl,
  });
});
afterEach(() => watcher?.close());
afterAll(async () => {
  await b?.stop();
  await a?.stop();
});

/** A watcher on the second replica, that has come to the end of what there is. */
const watchFromNow = async (): Promise<RevocationWatch> => {
  watcher = watchRevocations(b.target, a.adminKey);
  await watcher.nextWatermark();
  return watcher;
};

describe("WatchRevocations on time", () => {
  test("L7 is told within milliseconds, without waiting for a poll", async () => {
    const watcher = await watchFromNow();
    const rows = await a.query<{ session_id: string }>(INSERT_SESSIONS, [40, randomUUID()]);
    const delays: number[] = [];
    for (const { session_id: sessionId } of rows) {
      await a.call(SessionAdminService.revokeSession, { sessionId, note: "" }, a.adminKey);
      const answeredAt = performance.now();
      delays.push((await watcher.toldOf(sessionId)) - answeredAt);
    }
    delays.sort((one, other) => one - other);
    // Half a poll's interval would be 125 ms.
    expect(delays[20]).toBeLessThan(100);
  });

  test("L7 comes at least every second, of a moment before it came", async () => {
    const watcher = await watchFromNow();
    const [{ now } = { now: new Date() }] = await a.query<{ now: Date }>("SELECT now()");
    const skew = now.getTime() - Date.now();
    for (let marks = 0; marks < 8; marks++) {
      const { at } = await watcher.nextWatermark();
      const age = Date.now() + skew - Number(at);
      expect(age).toBeGreaterThan(-50);
      expect(age).toBeLessThan(1000);
    }
    const arrivals = watcher.watermarks.map(({ at }) => at);
    const gaps = arrivals.slice(1).map((at, i) => at - (arrivals[i] ?? at));
    expect(Math.max(...gaps)).toBeLessThan(1000);
  });
});
