import { ChannelCredentials, type ClientReadableStream, Metadata } from "@grpc/grpc-js";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AuditEvent, AuditEvent_Type } from "../../../generated/curfew/v1/audit_event.js";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import {
  SessionAdminClient,
  SessionAdminService,
  type WatchSessionEventsResponse,
} from "../../../generated/curfew/v1/session_admin.js";
import { startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";

let service: TestService;
let client: SessionAdminClient;

beforeAll(async () => {
  service = await startTestService();
  client = new SessionAdminClient(service.target, ChannelCredentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await service.stop();
});

interface Watch {
  readonly events: AuditEvent[];
  readonly failure: () => string | undefined;
  stop(): void;
}

const watch = (afterCursor: string, types: AuditEvent_Type[] = []): Watch => {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${service.adminKey}`);
  const stream: ClientReadableStream<WatchSessionEventsResponse> = client.watchSessionEvents(
    { types, afterCursor },
    metadata,
  );
  const events: AuditEvent[] = [];
  let failure: string | undefined;
  stream.on("data", ({ event }) => events.push(event));
  stream.on("error", (error) => {
    failure = error.message;
  });
  return { events, failure: () => failure, stop: () => stream.cancel() };
};

const stats = () =>
  service.call(SessionAdminService.getSessionStats, { windowMinutes: 5 }, service.adminKey);
const logout = (accessToken: string) =>
  service.call(AuthServiceService.logout, { accessToken, language: "" });

describe("WatchSessionEvents", () => {
  test("tells what happened after a cursor, then each new event, once and in order", async () => {
    const user = await service.createUser();
    const { cursor } = await stats();
    const { accessToken, session } = await service.signIn(user.username);
    const watching = watch(cursor, [AuditEvent_Type.LOGIN, AuditEvent_Type.SESSION_ENDED]);
    await waitUntil("the login is told", () => watching.events.length === 1);
    await logout(accessToken);
    await waitUntil("the logout is told", () => watching.events.length === 2);
    const [login, ended] = watching.events;
    expect(login).toMatchObject({
      type: AuditEvent_Type.LOGIN,
      userId: user.userId,
      sessionId: session?.sessionId,
    });
    expect(ended).toMatchObject({ type: AuditEvent_Type.SESSION_ENDED, reason: "LOGOUT" });
    watching.stop();

    const resumed = watch(login?.cursor ?? "", [AuditEvent_Type.SESSION_ENDED]);
    await waitUntil("it goes on from the cursor", () => resumed.events.length === 1);
    expect(resumed.events).toEqual([ended]);
    resumed.stop();
  });

  test("no event is lost or told twice over resumptions while others commit", async () => {
    const { cursor } = await stats();
    const names = await Promise.all(
      Array.from({ length: 6 }, async () => (await service.createUser()).username),
    );
    const told: string[] = [];
    let last = cursor;
    const signIns = Promise.all(
      names.flatMap((name) => [service.signIn(name), service.signIn(name)]),
    );
    // A watcher that is cut off after each few events.
    while (told.length < 12) {
      const watching = watch(last, [AuditEvent_Type.LOGIN]);
      await waitUntil("something is told", () => watching.events.length > 0);
      watching.stop();
      const [some = []] = [watching.events.slice(0, 2)];
      told.push(...some.map(({ sessionId }) => sessionId));
      last = some.at(-1)?.cursor ?? last;
    }
    const made = (await signIns).map(({ session }) => session?.sessionId ?? "");
    expect(told.toSorted()).toEqual(made.toSorted());
  });

  test("long transactions on the same server, here and in another database, hold up nobody", async () => {
    const user = await service.createUser();
    const elsewhere = new URL(service.databaseUrl);
    elsewhere.pathname = "postgres";
    const clients = [elsewhere.href, service.databaseUrl].map((url) => new pg.Client(url));
    for (const other of clients) {
      await other.connect();
      await other.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
      await other.query("SELECT pg_current_xact_id()");
    }
    const { cursor } = await stats();
    const watching = watch(cursor, [AuditEvent_Type.LOGIN]);
    await service.signIn(user.username);
    await waitUntil("the login is told", () => watching.events.length === 1);
    watching.stop();
    for (const other of clients) await other.end();
  });

  test.each([
    ["nonsense", "after_cursor"],
    ["zzzzzzzzzzzz.1.1", "cannot be resumed"],
  ])("the cursor %s is refused", async (cursor, text) => {
    const watching = watch(cursor);
    await waitUntil("it is refused", () => watching.failure() !== undefined);
    expect(watching.failure()?.toLowerCase()).toContain(text);
    expect(watching.events).toEqual([]);
  });
});

describe("unusual patterns", () => {
  const kinds = async () =>
    (await stats()).unusualPatterns.map(({ kind, subject, count }) => [kind, subject, count]);
  /** Soon: the service's own regular round may be at it. */
  const soon = (read: () => Promise<unknown[][]>) => expect.poll(read, { timeout: 5000 });

  test("many failed logins of one user are told once, and counted on", async () => {
    const user = await service.createUser();
    const { cursor } = await stats();
    const fail = () =>
      service.signIn(user.username, "test", "a wrong passphrase").catch(() => undefined);
    for (let i = 0; i < 10; i++) await fail();
    await soon(kinds).toContainEqual(["many_failed_logins", user.userId, 10n]);
    for (let i = 0; i < 2; i++) await fail();
    await soon(kinds).toContainEqual(["many_failed_logins", user.userId, 12n]);
    const watching = watch(cursor, [AuditEvent_Type.UNUSUAL_ACTIVITY]);
    await waitUntil("the address is told of", () => watching.events.length >= 2);
    const told = watching.events.map(({ reason, userId, ip }) => [reason, userId, ip]);
    expect(told.toSorted()).toEqual([
      ["many_failed_logins", user.userId, ""],
      ["many_failed_logins_from_address", "", "127.0.0.1"],
    ]);
    watching.stop();
  });

  test("a sign-in with software that the user had not used, and not the first one", async () => {
    const user = await service.createUser();
    await service.signIn(user.username, "laptop");
    await service.signIn(user.username, "laptop");
    const found = async () => (await kinds()).filter(([, subject]) => subject === user.userId);
    expect(await found()).toEqual([]);
    await service.signIn(user.username, "phone");
    await service.signIn(user.username, "phone");
    await soon(found).toEqual([["new_device", user.userId, 1n]]);
  });

  test("one caller that ends many sessions within minutes", async () => {
    const user = await service.createUser();
    await service.query(
      `INSERT INTO sessions (session_id, user_id, created_at, last_activity_at, expires_at,
         access_expires_at, next_check_at, jti, device, ip, user_agent, refresh_generation,
         rotated_at, previous_rotated_at)
       SELECT gen_random_uuid(), $1, now(), now(), now() + interval '1 day',
         now() + interval '1 minute', now() + interval '1 minute', 'x', '', '', '', 1, now(), now()
       FROM generate_series(1, 60)`,
      [user.userId],
    );
    await service.call(
      SessionAdminService.revokeUserSessions,
      { userId: user.userId, exceptSessionId: "", note: "" },
      service.adminKey,
    );
    const bursts = async () => (await kinds()).filter(([kind]) => kind === "revocation_burst");
    await soon(bursts).toEqual([["revocation_burst", expect.stringMatching(/^service:key-/), 60n]]);
    await service.call(
      SessionAdminService.revokeUserSessions,
      { userId: user.userId, exceptSessionId: "", note: "" },
      service.adminKey,
    );
    expect(await bursts()).toHaveLength(1);
  });
});

test("D7: denied calls of a scanner are told at once the first time, then together", async () => {
  const denied = () =>
    service.query<{ count: number; rows: number }>(
      `SELECT count(*)::int AS rows, sum(coalesce((metadata->>'count')::int, 1))::int AS count
       FROM audit_events WHERE type = 'CALL_DENIED' AND reason = 'CREDENTIALS_MISSING'`,
    );
  const before = await denied();
  for (let i = 0; i < 40; i++)
    await service.call(AuthServiceService.getProfile, {}).catch(() => undefined);
  const [after] = await denied();
  expect(after?.rows).toBe((before[0]?.rows ?? 0) + 1);
});
