import { afterAll, beforeAll, expect, test } from "vitest";
import { SessionAdminService } from "../../../generated/curfew/v1/session_admin.js";
import { type Database, openDatabase } from "../../../src/postgres/database.js";
import { countLive, endOfSlice } from "../../../src/postgres/session_count.js";
import { startTestService, type TestService } from "../../support/service.js";

const LIVE = 1300;
let service: TestService;
let database: Database;
beforeAll(async () => {
  service = await startTestService();
  database = openDatabase({
    connection: service.databaseUrl,
    poolSize: 2,
    acquireTimeoutMs: 10_000,
    statementTimeoutMs: 10_000,
  });
});
afterAll(async () => {
  await database.destroy();
  await service.stop();
});

/** Open sessions: every hundredth from an address of its own. */
const fill = () =>
  service.query(
    `INSERT INTO sessions (session_id, user_id, created_at, last_activity_at, expires_at,
       access_expires_at, next_check_at, jti, device, ip, user_agent, refresh_generation,
       rotated_at, previous_rotated_at)
     SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, gen_random_uuid(),
       now(), now(), now() + interval '1 day', now(), now() + interval '1 hour', n::text, '',
       CASE WHEN n % 100 = 0 THEN '2001:db8::7' ELSE '192.0.2.1' END, '', 1, now(), now()
     FROM generate_series(1, $1) AS n
     ON CONFLICT (session_id) DO UPDATE SET revoked_at = NULL, end_reason = NULL, ended_by = NULL,
       revision = NULL, relevant_until = NULL, hot_pending = false, last_activity_at = now()`,
    [LIVE],
  );

const revoke = (request: {
  ip?: string;
  maxSessions?: number;
  dryRun?: boolean;
  inactiveSince?: Date;
}) => {
  const { ip = "", inactiveSince, maxSessions = 0, dryRun = false } = request;
  const filter = {
    userId: "",
    state: 0,
    ip,
    createdAfter: undefined,
    createdBefore: undefined,
    inactiveSince,
  };
  return service.call(
    SessionAdminService.revokeSessions,
    { filter, dryRun, note: "", all: true, maxSessions },
    service.adminKey,
  );
};

test("sessions are counted slice by slice, whatever the size of a slice", async () => {
  await fill();
  const liveAt = { now: Date.now(), idleTimeoutMs: 1_800_000 };
  for (const size of [1, 100, LIVE - 1, LIVE, LIVE + 1, 50_000])
    for (const [filter, count] of [
      [{}, LIVE],
      [{ ip: "2001:db8::7" }, LIVE / 100],
      [{ userId: "nobody" }, 0],
    ] as const)
      if (size > 1 || count < LIVE)
        expect(await countLive(database, filter, liveAt, size)).toBe(count);
  expect(await endOfSlice(database, {}, undefined, LIVE)).toMatch(/514$/);
  expect(await endOfSlice(database, {}, undefined, LIVE + 1)).toBeUndefined();
});

test("RevokeSessions ends all in one call, or part after part", async () => {
  await fill();
  expect(await revoke({ dryRun: true })).toMatchObject({
    matchedSessions: LIVE,
    revokedSessions: 0,
    more: false,
  });
  const parts = [];
  for (let more = true; more; ) {
    const part = await revoke({ maxSessions: 500 });
    parts.push(part.revokedSessions);
    ({ more } = part);
  }
  expect(parts.reduce((sum, part) => sum + part, 0)).toBe(LIVE);
  expect(parts.length).toBeGreaterThan(2);
  expect(await revoke({ dryRun: true })).toMatchObject({ matchedSessions: 0 });
  await fill();
  expect(await revoke({})).toMatchObject({ revokedSessions: LIVE, more: false });
});

test.each(["2001:db8::7", "2001:DB8:0:0:0:0:0:7", "2001:0db8::0007", "2001:db8::0.0.0.7"])(
  "an address is found however it is spelled: %s",
  async (ip) => {
    await fill();
    expect(await revoke({ dryRun: true, ip })).toMatchObject({ matchedSessions: LIVE / 100 });
    const filter = {
      userId: "",
      state: 0,
      ip,
      createdAfter: undefined,
      createdBefore: undefined,
      inactiveSince: undefined,
    };
    const page = { filter, pageSize: 1000, pageToken: "", order: 0 };
    const found = await service.call(SessionAdminService.listSessions, page, service.adminKey);
    expect(found.sessions).toHaveLength(LIVE / 100);
  },
);

test("an IPv4 address is found in its IPv6 form too", async () => {
  await fill();
  expect(await revoke({ dryRun: true, ip: "::ffff:192.0.2.1" })).toMatchObject({
    matchedSessions: LIVE - LIVE / 100,
  });
});

test.each([
  "nonsense",
  "192.0.2",
  "192.0.2.1/24",
  "2001:db8::/32",
  "[2001:db8::7]",
  " 192.0.2.1",
  "0x7f.1",
])("what is no address is refused, not answered with nothing: %j", async (ip) => {
  await expect(revoke({ ip })).rejects.toMatchObject({ code: 3 });
  await expect(revoke({ ip, dryRun: true })).rejects.toMatchObject({ code: 3 });
});
