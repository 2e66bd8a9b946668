import { randomUUID } from "node:crypto";
import { type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  AuthServiceService,
  type LoginResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import { EndReason_Value } from "../../../generated/curfew/v1/session.js";
import { SessionAdminService } from "../../../generated/curfew/v1/session_admin.js";
import { UserAdminService } from "../../../generated/curfew/v1/user_admin.js";
import { findFreePort } from "../../support/free_port.js";
import { PASSWORD, startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";
import { type RevocationWatch, watchRevocations } from "./revocation_watch.js";
import { END_SESSIONS_OF, INSERT_SESSIONS } from "./session_rows.js";

let a: TestService;
let b: TestService;
/** Of the first. */
let metricsPort: number;

beforeAll(async () => {
  metricsPort = await findFreePort();
  a = await startTestService({
    HTTP_PORT: "0",
    MAX_CONCURRENT_SESSIONS: "3",
    METRICS_PORT: String(metricsPort),
  });
  b = await startReplica();
});
afterAll(async () => {
  await b?.stop();
  await a?.stop();
});

/** One more replica on the stores of the first. */
const startReplica = () =>
  startTestService({
    HTTP_PORT: "0",
    MAX_CONCURRENT_SESSIONS: "3",
    DATABASE_URL: a.databaseUrl,
    REDIS_URL: a.redisUrl,
  });

const watches: RevocationWatch[] = [];
afterEach(() => {
  for (const watch of watches.splice(0)) watch.close();
});
const watch = (replica: TestService, afterRevision = 0n): RevocationWatch => {
  const opened = watchRevocations(replica.target, a.adminKey, afterRevision);
  watches.push(opened);
  return opened;
};
/** A watcher that has come to the end of what there is. */
const watchFromNow = async (replica: TestService): Promise<RevocationWatch> => {
  const early = watch(replica);
  const { revision } = await early.nextWatermark();
  early.close();
  const now = watch(replica, revision);
  await now.nextWatermark();
  return now;
};

const signIn = async () => {
  const user = await a.createUser();
  const login = await a.signIn(user.username);
  return { user, login, sessionId: sessionOf(login) };
};
const sessionOf = (login: LoginResponse): string => login.session?.sessionId ?? "";
const logOut = (replica: TestService, { accessToken }: LoginResponse) =>
  replica.call(AuthServiceService.logout, { accessToken, language: "" });

const insertSessions = async (count: number) => {
  const userId = randomUUID();
  const rows = await a.query<{ session_id: string }>(INSERT_SESSIONS, [count, userId]);
  return { userId, sessionIds: rows.map((row) => row.session_id) };
};
/** On a busy machine a revocation may be uncertain at first: repeating it is safe. */
const revoke = async (replica: TestService, sessionId: string) => {
  const revocation = () =>
    replica.call(SessionAdminService.revokeSession, { sessionId, note: "" }, a.adminKey);
  for (let attempt = 1; attempt < 20; attempt++) {
    const answer = await revocation().catch((error: ServiceError) => {
      if (error.code !== status.UNAVAILABLE) throw error;
    });
    if (answer !== undefined) return answer;
  }
  return revocation();
};

const revisionsOf = (seen: RevocationWatch): bigint[] =>
  seen.revocations.map(({ message }) => message.revision);
const isIncreasing = (revisions: readonly bigint[]): boolean =>
  revisions.every((revision, i) => i === 0 || revision > (revisions[i - 1] ?? 0n));

describe("L7 a revocation on one replica", () => {
  test("L7 is told at once by the other, with all there is to know of it", async () => {
    const watcher = await watchFromNow(b);
    const { user, login, sessionId } = await signIn();
    const { revision } = await logOut(a, login);
    await watcher.toldOf(sessionId);
    const [{ message } = { message: undefined }] = watcher.revocations;
    expect(message).toMatchObject({
      revision,
      sessionId,
      userId: user.userId,
      reason: EndReason_Value.LOGOUT,
    });
    const expiresAt = Number(message?.relevantUntil);
    expect(Math.abs(expiresAt - (Date.now() + login.expiresIn * 1000))).toBeLessThan(30_000);
    expect(Math.abs(Number(message?.revokedAt) - Date.now())).toBeLessThan(30_000);
  });

  test("L2 once a watcher has been told, no replica says valid", async () => {
    const watcher = await watchFromNow(b);
    for (let round = 0; round < 10; round++) {
      const { login, sessionId } = await signIn();
      const validate = (replica: TestService) =>
        replica
          .call(
            AuthServiceService.validateToken,
            { accessToken: login.accessToken, audience: "", skipActivity: true },
            a.adminKey,
          )
          .then(
            () => "valid",
            () => "not valid",
          );
      expect(await validate(b)).toBe("valid");
      const revocation = logOut(a, login);
      await watcher.toldOf(sessionId);
      expect(await Promise.all([validate(a), validate(b)])).toEqual(["not valid", "not valid"]);
      await revocation;
    }
  });

  test("L7 is told whatever ended the session", async () => {
    const watcher = await watchFromNow(b);
    const told: [string, EndReason_Value][] = [];
    const expectTold = (login: LoginResponse, reason: EndReason_Value) =>
      told.push([sessionOf(login), reason]);

    const evicted = await signIn();
    for (let logins = 0; logins < 3; logins++) await a.signIn(evicted.user.username);
    expectTold(evicted.login, EndReason_Value.SESSION_LIMIT);

    const changed = await signIn();
    const kept = await a.signIn(changed.user.username);
    const change = { currentPassword: PASSWORD, newPassword: "another fine passphrase" };
    await a.call(AuthServiceService.changePassword, change, kept.accessToken);
    expectTold(changed.login, EndReason_Value.PASSWORD_CHANGE);

    const own = await signIn();
    await a.call(
      AuthServiceService.revokeMySession,
      { sessionId: own.sessionId },
      own.login.accessToken,
    );
    expectTold(own.login, EndReason_Value.USER);

    const all = await signIn();
    const more = await a.signIn(all.user.username);
    await a.call(
      SessionAdminService.revokeUserSessions,
      { userId: all.user.userId, exceptSessionId: "", note: "" },
      a.adminKey,
    );
    expectTold(all.login, EndReason_Value.ADMIN);
    expectTold(more, EndReason_Value.ADMIN);

    const disabled = await signIn();
    await a.call(
      UserAdminService.updateUser,
      { user: { ...disabled.user, isActive: false }, updateMask: ["is_active"] },
      a.adminKey,
    );
    expectTold(disabled.login, EndReason_Value.USER_DISABLED);

    const deleted = await signIn();
    await a.call(UserAdminService.deleteUser, { userId: deleted.user.userId }, a.adminKey);
    expectTold(deleted.login, EndReason_Value.USER_DELETED);

    await watcher.toldOf(deleted.sessionId);
    const seen = watcher.revocations.map(({ message }) => [message.sessionId, message.reason]);
    expect(seen).toEqual(told);
  });
});

describe("L7 a watermark", () => {
  test("L7 names the newest revision", async () => {
    const watcher = await watchFromNow(b);
    const { sessionIds } = await insertSessions(1);
    const { revision } = await revoke(a, sessionIds[0] ?? "");
    await waitUntil("a watermark has the revision", async () => {
      const mark = await watcher.nextWatermark();
      expect(mark.revision).toBeLessThanOrEqual(revision);
      return mark.revision === revision;
    });
  });
});

describe("L7 no gap", () => {
  test("L7 over reconnects from replica to replica, while sessions end on both", async () => {
    const start = await watchFromNow(a);
    const { sessionIds } = await insertSessions(300);
    let isEndingOperation = true;
    const revocations = (async () => {
      const left = [...sessionIds.entries()];
      const worker = async () => {
        for (let next = left.pop(); next !== undefined; next = left.pop())
          await revoke(next[0] % 2 === 0 ? a : b, next[1]);
      };
      await Promise.all(Array.from({ length: 8 }, worker));
      isEndingOperation = false;
    })();

    const seen: bigint[] = [];
    const seenIds: string[] = [];
    let last = start.lastRevision();
    let connections = 0;
    while (isEndingOperation || new Set(seenIds).size < sessionIds.length) {
      connections += 1;
      const watcher = watch(connections % 2 === 0 ? a : b, last);
      await waitUntil(
        "some revocations were told, or there are no more",
        () =>
          watcher.revocations.length >= 15 || (!isEndingOperation && watcher.watermarks.length > 0),
        25_000,
      );
      watcher.close();
      expect(isIncreasing(revisionsOf(watcher))).toBe(true);
      seen.push(...revisionsOf(watcher));
      seenIds.push(...watcher.sessionIds());
      last = watcher.lastRevision();
    }
    await revocations;
    expect(connections).toBeGreaterThan(5);
    expect(isIncreasing(seen)).toBe(true);
    expect(new Set(seenIds)).toEqual(new Set(sessionIds));
    expect(seenIds).toHaveLength(sessionIds.length);
  });

  test("L7 when the replica stops: the stream ends as unavailable, and another goes on", async () => {
    const stopping = await startReplica();
    const watcher = await watchFromNow(stopping);
    const { sessionIds } = await insertSessions(2);
    await revoke(a, sessionIds[0] ?? "");
    await watcher.toldOf(sessionIds[0] ?? "");
    const ended = watcher.ended();
    await stopping.stop();
    expect(await ended).toMatchObject({ code: 14, reason: "DEPENDENCY_UNAVAILABLE" });
    await revoke(a, sessionIds[1] ?? "");
    const resumed = watch(b, watcher.lastRevision());
    await resumed.toldOf(sessionIds[1] ?? "");
    expect(resumed.sessionIds()).toEqual([sessionIds[1]]);
  });

  test("L7 a transaction that commits late is not skipped", async () => {
    const watcher = await watchFromNow(b);
    const { sessionIds } = await insertSessions(2);
    const [early, late] = sessionIds as [string, string];
    const before = watcher.lastRevision();
    // Its revision is given out, and it takes its time to commit.
    const slow = a.query(
      `WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(7302002) IS NOT NULL AS mine),
       ended AS (
         UPDATE sessions SET revoked_at = now(), end_reason = 'ADMIN', ended_by = 'system',
           revision = nextval('session_revision'), relevant_until = access_expires_at
         FROM turn WHERE session_id = $1 AND turn.mine RETURNING pg_sleep(1)
       ) SELECT * FROM ended`,
      [early],
    );
    await waitUntil("the revision is given out", async () => {
      const [{ last } = { last: "0" }] = await a.query<{ last: string }>(
        "SELECT last_value AS last FROM session_revision",
      );
      return BigInt(last) > before;
    });
    const quick = revoke(a, late);
    expect((await watcher.nextWatermark()).revision).toBe(before);
    await Promise.all([slow, quick]);
    await watcher.toldOf(late);
    expect(watcher.sessionIds()).toEqual([early, late]);
  });
});

describe("L7 a revision of another database", () => {
  test("L7 is refused with the last revision there is", async () => {
    const { revision } = await (await watchFromNow(a)).nextWatermark();
    const failure = await watch(b, revision + 1n).ended();
    expect(failure).toMatchObject({
      code: 11,
      reason: "REVISION_OUT_OF_RANGE",
      facts: { last_revision: String(revision) },
    });
  });

  test("L7 ends the streams that follow it: a backup was restored", async () => {
    const watcher = await watchFromNow(a);
    const { sessionIds } = await insertSessions(3);
    for (const sessionId of sessionIds) await revoke(a, sessionId);
    await watcher.toldOf(sessionIds[2] ?? "");
    await a.query("DELETE FROM sessions WHERE session_id = ANY($1)", [sessionIds.slice(1)]);
    expect(await watcher.ended()).toMatchObject({ code: 11, reason: "REVISION_OUT_OF_RANGE" });
    const again = watch(a);
    await again.toldOf(sessionIds[0] ?? "");
  });
});

describe("D5 50,000 revocations in one statement, more than are kept in memory", () => {
  const COUNT = 50_000;
  const PATIENCE_MS = 90_000;
  const wasCutOff = async () => {
    const metrics = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    return (await metrics.text()).includes("WATCH_FELL_BEHIND");
  };

  test("D5 L7 are told in order and all, and who does not read is cut off and resumes", async () => {
    const fast = await watchFromNow(a);
    const slow = await watchFromNow(a);
    const from = fast.lastRevision();
    const { userId, sessionIds } = await insertSessions(COUNT);
    slow.pause();
    await a.query(END_SESSIONS_OF, [userId]);
    await waitUntil(
      "all were told",
      () => {
        expect(fast.failure()).toBeUndefined();
        return fast.revocations.length >= COUNT;
      },
      PATIENCE_MS,
    );
    expect(new Set(fast.sessionIds())).toEqual(new Set(sessionIds));
    expect(isIncreasing(revisionsOf(fast))).toBe(true);

    await waitUntil("the one who does not read is cut off", wasCutOff, PATIENCE_MS);
    // The revocation arrives after the messages that were on their way.
    slow.resume();
    expect(await slow.ended()).toMatchObject({ code: 8, reason: "WATCH_FELL_BEHIND" });
    expect(slow.revocations.length).toBeLessThan(COUNT / 2);
    expect(slow.lastRevision()).toBeGreaterThanOrEqual(from);
    const resumed = watch(b, slow.lastRevision());
    await waitUntil(
      "it has caught up",
      () => {
        expect(resumed.failure()).toBeUndefined();
        return resumed.revocations.length + slow.revocations.length >= COUNT;
      },
      PATIENCE_MS,
    );
    expect([...slow.sessionIds(), ...resumed.sessionIds()]).toEqual(fast.sessionIds());
  }, 300_000);
});
