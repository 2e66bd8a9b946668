import { setTimeout as wait } from "node:timers/promises";
import { ChannelCredentials, Client, Metadata, status } from "@grpc/grpc-js";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { PASSWORD, startTestService, type TestService } from "../../support/service.js";
import { startTcpProxy, type TcpProxy } from "../../support/tcp_proxy.js";
import { createDatabase, type TestDatabase } from "../../support/test_database.js";
import { waitUntil } from "../../support/wait_until.js";

const MAX_SESSIONS = 2;
const USERS = 4;
const LONG_MS = 20_000;

let database: TestDatabase;
let link: TcpProxy;
let service: TestService;
let client: Client;
/** Reaches Postgres past the link. */
let observer: pg.Client;

beforeAll(async () => {
  database = await createDatabase();
  const { hostname, port } = new URL(database.url);
  link = await startTcpProxy({ host: hostname, port: Number(port) });
  service = await startTestService({
    DATABASE_URL: link.urlFor(database.url),
    MAX_CONCURRENT_SESSIONS: String(MAX_SESSIONS),
  });
  client = new Client(service.target, ChannelCredentials.createInsecure());
  observer = new pg.Client({ connectionString: database.url });
  await observer.connect();
});
afterAll(async () => {
  link.restore();
  client.close();
  await service.stop();
  await observer.end();
  await link.close();
  await database.drop();
});

/** Resolves to the session that an answer OK named, else to the code of the failure. */
const logIn = (username: string, deadlineMs = LONG_MS): Promise<string | number> =>
  new Promise((resolve) => {
    const { path, requestSerialize, responseDeserialize } = AuthServiceService.login;
    const request = { username, password: PASSWORD, deviceName: "", language: "" };
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { ...request, omitRoles: false },
      new Metadata(),
      { deadline: Date.now() + deadlineMs },
      (error, response) => resolve(response?.session?.sessionId ?? error?.code ?? status.UNKNOWN),
    );
  });

interface User {
  readonly userId: string;
  readonly username: string;
  /** Sessions that an answer OK named, in order. */
  readonly told: string[];
}

/** Users with as many sessions as they may have. */
const signUp = (): Promise<User[]> =>
  Promise.all(
    Array.from({ length: USERS }, async () => {
      const { userId, username } = await service.createUser();
      const told: string[] = [];
      while (told.length < MAX_SESSIONS) {
        const answer = await logIn(username);
        if (typeof answer === "string") told.push(answer);
      }
      return { userId, username, told };
    }),
  );

/** Signs in again and again until `until`, and once more until it succeeds. */
const keepTrying = async (user: User, until: number): Promise<number> => {
  let failed = 0;
  for (;;) {
    const isLast = performance.now() >= until;
    const answer = await logIn(user.username);
    if (typeof answer === "string") user.told.push(answer);
    else failed += 1;
    if (isLast && typeof answer === "string") return failed;
    await wait(20);
  }
};

const sessionsOf = async ({ userId }: User) =>
  (
    await observer.query<{ id: string; reason: string | null; unanswered: boolean }>(
      `SELECT session_id AS id, end_reason AS reason,
         unanswered_generation IS NOT DISTINCT FROM refresh_generation AS unanswered
       FROM sessions WHERE user_id = $1 ORDER BY session_id`,
      [userId],
    )
  ).rows;

/**
 * Checks that no login answered OK was withdrawn, and that evictions alone never
 * left the user fewer sessions than the limit. Resolves to how many logins the
 * service answered, but no caller received.
 */
const checkSessions = async (user: User): Promise<number> => {
  await waitUntil("every answer is noted, and every other login withdrawn", async () =>
    (await sessionsOf(user)).every(({ reason, unanswered }) => reason !== null || !unanswered),
  );
  const sessions = await sessionsOf(user);
  const idsOf = (reason: string | null) =>
    sessions.filter((one) => one.reason === reason).map(({ id }) => id);
  const told = new Set(user.told);
  const withdrawn = idsOf("LOGIN_UNANSWERED");
  expect(withdrawn.filter((id) => told.has(id))).toEqual([]);
  expect(idsOf(null).length + withdrawn.length).toBeGreaterThanOrEqual(MAX_SESSIONS);
  return sessions.filter(({ id, unanswered }) => !told.has(id) && !unanswered).length;
};

/**
 * @param crossed answers that may have been sent in the moment in which their callers gave up: a few on a
 * quiet machine, a tenth of all on a busy one. A service that goes on without its caller has nearly all.
 */
const expectNoPhantoms = async (users: readonly User[], crossed = 0): Promise<void> => {
  let phantoms = 0;
  for (const user of users) phantoms += await checkSessions(user);
  expect(phantoms).toBeLessThanOrEqual(crossed);
};

test("O3 N4 logins in stalls of Postgres leave no phantom sessions", async () => {
  const users = await signUp();
  const until = performance.now() + 6000;
  const trying = users.map((user) => keepTrying(user, until));
  while (performance.now() < until) {
    link.hang();
    await wait(600);
    link.restore();
    await wait(250);
  }
  const failed = await Promise.all(trying);
  expect(failed.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(0);
  await expectNoPhantoms(users);
});

test("O3 N4 logins whose callers wait for 5 ms leave no phantom sessions", async () => {
  const users = await signUp();
  for (let round = 0; round < 10; round++)
    await Promise.all(
      users.map(async (user) => {
        const answer = await logIn(user.username, 5);
        if (typeof answer === "string") user.told.push(answer);
      }),
    );
  await expectNoPhantoms(users, 10);
});

test("O3 N4 logins whose callers leave at any moment leave no phantom sessions", async () => {
  const users = await signUp();
  for (let round = 0; round < 25; round++)
    await Promise.all(
      users.map(async (user, i) => {
        const answer = await logIn(user.username, 5 + round * 4 + i);
        if (typeof answer === "string") user.told.push(answer);
      }),
    );
  await expectNoPhantoms(users, 25);
});

test("O3 N4 logins with Postgres 700 ms away leave no phantom sessions", async () => {
  const users = await signUp();
  const until = performance.now() + 4000;
  link.delay(350);
  const trying = users.map((user) => keepTrying(user, until));
  await wait(4000);
  link.delay(0);
  await Promise.all(trying);
  await expectNoPhantoms(users);
});
