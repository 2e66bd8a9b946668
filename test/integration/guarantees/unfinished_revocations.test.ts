import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HotStore } from "../../../src/core/ports/hot_store.js";
import { sessionState } from "../../../src/core/session/session.js";
import {
  type CoreReplica,
  type CoreReplicaOptions,
  makeUser,
  outcomeOf,
  PASSWORD,
  signIn,
  signOut,
  startCoreReplica,
  verdictOf,
} from "../../support/core_replica.js";
import { type RedisServer, startRedis } from "../../support/redis.js";
import { redisCommand } from "../../support/redis_command.js";
import { startTcpProxy, type TcpProxy } from "../../support/tcp_proxy.js";
import { createDatabase, type TestDatabase } from "../../support/test_database.js";
import { waitUntil } from "../../support/wait_until.js";

const ENDED = "ACCESS_TOKEN_BLACKLISTED";
const UNAVAILABLE = "DEPENDENCY_UNAVAILABLE";

let database: TestDatabase;
let redis: RedisServer;
let proxy: TcpProxy;
/** `a` reaches Redis through the proxy. Both check Redis only when the test requests it. */
let a: CoreReplica;
let b: CoreReplica;
/** What `a` does once, between the commit of a revocation and telling Redis. */
let beforeInvalidation: (() => void) | undefined;

const interruptible = (hot: HotStore): HotStore => ({
  ...hot,
  invalidate(revocations) {
    beforeInvalidation?.();
    beforeInvalidation = undefined;
    return hot.invalidate(revocations);
  },
});

const options = (): CoreReplicaOptions => ({
  databaseUrl: database.url,
  redisUrl: redis.url,
  heartbeatMs: 0,
});

beforeEach(async () => {
  database = await createDatabase();
  redis = await startRedis();
  proxy = await startTcpProxy({ port: redis.port });
  beforeInvalidation = undefined;
  a = await startCoreReplica({
    ...options(),
    redisUrl: proxy.urlFor(redis.url),
    wrapHot: interruptible,
  });
  b = await startCoreReplica(options());
});
afterEach(async () => {
  proxy.restore();
  redis.resume();
  await Promise.all([a.close(), b.close()]);
  await proxy.close();
  await redis.stop("SIGKILL");
  await database.drop();
});

const heartbeat = (replica: CoreReplica) => replica.core.cacheLease.heartbeat();

/** A session that both replicas know by heart, in Redis. */
const knownSession = async () => {
  const user = await makeUser(a);
  const { tokens, session } = await signIn(a, user.username);
  const { accessToken, refreshToken } = tokens;
  await waitUntil("the session is in Redis", async () => {
    expect(await verdictOf(b, accessToken)).toBe("valid");
    // A busy machine may have lost its lease.
    if (b.core.cacheLease.lease() === undefined) await heartbeat(b);
    const lease = b.core.cacheLease.lease();
    const ask = { sessionId: session.id, now: b.ports.clock.now(), touchAt: 0 };
    const answer = lease && (await b.ports.hot.check(ask, lease).catch(() => undefined));
    return answer?.kind === "live";
  });
  return { userId: user.id, sessionId: session.id, accessToken, refreshToken };
};

const committedRevision = async (sessionId: string): Promise<bigint> => {
  const session = await b.ports.store.get(sessionId);
  if (session?.end === undefined) throw new Error("The ending was not committed.");
  return session.end.revision;
};

describe("L4 a revocation that Redis never heard of", () => {
  test("L4 is UNAVAILABLE while another replica may still believe Redis, and never flickers", async () => {
    const { accessToken, sessionId } = await knownSession();
    beforeInvalidation = proxy.cut;
    expect(await outcomeOf(signOut(a, accessToken))).toBe(UNAVAILABLE);
    const revision = await committedRevision(sessionId);
    // No answer has reported the revocation yet, and none does until it is certain.
    expect(await verdictOf(b, accessToken)).toBe("valid");
    expect(await verdictOf(a, accessToken)).toBe(UNAVAILABLE);
    expect(await outcomeOf(signOut(a, accessToken))).toBe(UNAVAILABLE);
    expect(await verdictOf(b, accessToken)).toBe("valid");
    // The one that reaches Redis finishes it.
    expect(await signOut(b, accessToken)).toBe(revision);
    expect(await verdictOf(b, accessToken)).toBe(ENDED);
    expect(await verdictOf(a, accessToken)).toBe(ENDED);
    expect(await signOut(a, accessToken)).toBe(revision);
  });

  test("L4 is finished in the background by the other replica", async () => {
    const { accessToken, sessionId } = await knownSession();
    beforeInvalidation = proxy.cut;
    expect(await outcomeOf(signOut(a, accessToken))).toBe(UNAVAILABLE);
    await heartbeat(b);
    expect(await verdictOf(b, accessToken)).toBe(ENDED);
    expect(await signOut(a, accessToken)).toBe(await committedRevision(sessionId));
  });

  test("L4 is finished in the background by the same replica when Redis returns", async () => {
    const { accessToken, sessionId } = await knownSession();
    beforeInvalidation = proxy.cut;
    expect(await outcomeOf(signOut(a, accessToken))).toBe(UNAVAILABLE);
    proxy.restore();
    await waitUntil("the revocation is invalidated", async () => {
      await heartbeat(a);
      return (await a.ports.store.invalidatedAmong([sessionId])).length === 1;
    });
    expect(await verdictOf(b, accessToken)).toBe(ENDED);
    expect(await signOut(a, accessToken)).toBe(await committedRevision(sessionId));
  });

  test("L4 is OK as soon as no replica believes Redis, and stays effective when Redis returns", async () => {
    const { accessToken, sessionId } = await knownSession();
    beforeInvalidation = redis.pause;
    expect(await outcomeOf(signOut(a, accessToken))).toBe(UNAVAILABLE);
    await Promise.all([heartbeat(a), heartbeat(b)]);
    expect(await signOut(a, accessToken)).toBe(await committedRevision(sessionId));
    expect(await verdictOf(b, accessToken)).toBe(ENDED);
    redis.resume();
    await waitUntil("both trust Redis again", async () => {
      await Promise.all([heartbeat(a), heartbeat(b)]);
      return [a, b].every((replica) => replica.core.cacheLease.lease() !== undefined);
    });
    expect(await verdictOf(b, accessToken)).toBe(ENDED);
    expect(await verdictOf(a, accessToken)).toBe(ENDED);
    const left = await redisCommand(redis.url, "KEYS", `*${sessionId}`);
    expect(left).toEqual([`access_token_blacklist:{0}:${sessionId}`]);
  });

  test("L4 a replica that trusts Redis again tells it first what it missed", async () => {
    await b.close();
    b = await startCoreReplica({ ...options(), redisUrl: proxy.urlFor(redis.url) });
    const { accessToken } = await knownSession();
    proxy.cut();
    await Promise.all([heartbeat(a), heartbeat(b)]);
    await signOut(a, accessToken);
    proxy.restore();
    await waitUntil("the replica trusts Redis again", async () => {
      await heartbeat(b);
      return b.core.cacheLease.lease() !== undefined;
    });
    expect(await verdictOf(b, accessToken)).toBe(ENDED);
  });

  test("L4 a refresh token's reuse and a deactivation are no surer than a logout", async () => {
    const reused = await knownSession();
    const refresh = (refreshToken: string) =>
      a.core.refreshTokens({ refreshToken, ip: "" }).then(({ tokens }) => tokens.refreshToken);
    let newest = reused.refreshToken;
    for (let refreshes = 0; refreshes < 3; refreshes++) newest = await refresh(newest);
    const disabled = await knownSession();
    proxy.cut();
    const deactivation = a.core.users.update(
      disabled.userId,
      { isActive: false },
      { by: "service:test", ip: "" },
    );
    expect(await outcomeOf(deactivation)).toBe(UNAVAILABLE);
    expect(await verdictOf(a, disabled.accessToken)).toBe(UNAVAILABLE);
    const reuse = outcomeOf(refresh(reused.refreshToken));
    await waitUntil("the reuse is committed", async () => {
      const session = await b.ports.store.get(reused.sessionId);
      return session?.end?.reason === "REFRESH_REUSE";
    });
    expect(await verdictOf(a, reused.accessToken)).toBe(UNAVAILABLE);
    await heartbeat(b);
    expect(await reuse).toBe("REFRESH_TOKEN_REUSED");
    expect(await verdictOf(b, reused.accessToken)).toBe(ENDED);
    expect(await verdictOf(a, disabled.accessToken)).toBe("USER_INACTIVE");
  });
});

describe("L2 no call says ended before it is certain", () => {
  type Known = Awaited<ReturnType<typeof knownSession>>;
  /** Calls on the replica that still uses Redis, each with its answer about the revoked session. */
  const calls: readonly [string, (session: Known) => Promise<string>][] = [
    [
      "GetSession",
      async ({ sessionId }) => {
        const session = await b.ports.store.get(sessionId);
        const [shown] = await b.core.currentSessions(session ? [session] : []);
        if (shown === undefined) return "not shown";
        return sessionState(shown, b.ports.clock.now(), b.settings.idleTimeoutMs);
      },
    ],
    [
      "ExplainToken",
      async ({ accessToken }) => {
        const { verdict, session } = await b.core.explainToken(accessToken);
        expect(session?.end).toBeDefined();
        return verdict;
      },
    ],
    [
      "ChangePassword",
      ({ userId, sessionId }) =>
        outcomeOf(
          b.core.changePassword({
            userId,
            sessionId,
            currentPassword: PASSWORD,
            newPassword: "another perfectly fine passphrase",
            ip: "",
          }),
        ),
    ],
    [
      "RefreshTokens",
      ({ refreshToken }) => outcomeOf(b.core.refreshTokens({ refreshToken, ip: "" })),
    ],
  ];

  test.each(calls)("L2 %s", async (_name, call) => {
    const session = await knownSession();
    beforeInvalidation = proxy.cut;
    expect(await outcomeOf(signOut(a, session.accessToken))).toBe(UNAVAILABLE);
    expect(["REVOKED", ENDED, "SESSION_REVOKED_OR_INVALID"]).toContain(await call(session));
    expect(await verdictOf(b, session.accessToken)).toBe(ENDED);
  });

  test("L4 repeating DeleteUser is as good as repeating another ending", async () => {
    const { userId, accessToken, sessionId } = await knownSession();
    const remove = (replica: CoreReplica) =>
      replica.core.users.delete(userId, { by: "service:test", ip: "" });
    proxy.cut();
    expect(await outcomeOf(remove(a))).toBe(UNAVAILABLE);
    expect(await outcomeOf(remove(a))).toBe(UNAVAILABLE);
    expect(await verdictOf(b, accessToken)).toBe("valid");
    expect(await remove(b)).toBe(await committedRevision(sessionId));
    expect(await verdictOf(b, accessToken)).toBe("USER_INACTIVE");
    expect(await outcomeOf(b.core.users.delete(randomUUID(), { by: "", ip: "" }))).toBe(
      "NOT_FOUND",
    );
  });
});

describe("L4 a Redis that takes no writes", () => {
  const refusals: readonly [string, readonly [string, string][]][] = [
    ["is full and evicts nothing", [["maxmemory", "1"]]],
    ["lacks its replicas", [["min-replicas-to-write", "1"]]],
  ];

  test.each(refusals)(
    "L1 revocations and validations go on when Redis %s",
    async (_name, settings) => {
      const known = await knownSession();
      const other = await knownSession();
      for (const [name, value] of settings)
        await redisCommand(redis.url, "CONFIG", "SET", name, value);
      await Promise.all([heartbeat(a), heartbeat(b)]);

      const revision = await signOut(a, known.accessToken);
      expect(await verdictOf(b, known.accessToken)).toBe(ENDED);
      expect(await signOut(b, known.accessToken)).toBe(revision);
      const fresh = await signIn(a, (await makeUser(a)).username);
      for (const replica of [a, b]) {
        expect(await verdictOf(replica, other.accessToken)).toBe("valid");
        expect(await verdictOf(replica, fresh.tokens.accessToken)).toBe("valid");
      }
    },
  );
});
