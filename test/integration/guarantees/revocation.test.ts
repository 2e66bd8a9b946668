import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { CurfewError } from "../../../src/core/errors.js";
import {
  type CoreReplica,
  makeUser,
  outcomeOf,
  PASSWORD,
  signIn,
  signOut,
  verdictOf,
} from "../../support/core_replica.js";
import { waitUntil } from "../../support/wait_until.js";
import { openSessions } from "./open_sessions.js";
import { raceRevocations } from "./revocation_race.js";
import { setUpTwoReplicas } from "./two_replicas.js";

const BY = { by: "service:test", ip: "192.0.2.9" };
const ADMIN = { reason: "ADMIN", by: "service:test" } as const;

const replicas = setUpTwoReplicas({ settings: { maxSessions: 3 } });

interface SignedIn {
  readonly userId: string;
  readonly username: string;
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

const newSession = async (replica: CoreReplica): Promise<SignedIn> => {
  const user = await makeUser(replica);
  const { tokens, session } = await signIn(replica, user.username);
  return { userId: user.id, username: user.username, sessionId: session.id, ...tokens };
};

/** Every operation that revokes a session, with the verdict on its access token from then on. */
const ENDINGS: readonly {
  readonly name: string;
  readonly verdict?: string;
  readonly end: (replica: CoreReplica, session: SignedIn) => Promise<unknown>;
}[] = [
  { name: "Logout", end: (replica, { accessToken }) => signOut(replica, accessToken) },
  { name: "RevokeSession", end: ({ core }, { sessionId }) => core.end.one(sessionId, ADMIN) },
  {
    name: "RevokeMySession",
    end: ({ core }, { sessionId, userId }) =>
      core.end.one(sessionId, { reason: "USER", by: userId }, userId),
  },
  {
    name: "RevokeUserSessions",
    end: ({ core }, { userId }) => core.end.ofUser(userId, undefined, ADMIN),
  },
  {
    name: "RevokeMyOtherSessions",
    end: async (replica, { userId, username }) => {
      const other = await signIn(replica, username);
      await replica.core.end.ofUser(userId, other.session.id, { reason: "USER", by: userId });
    },
  },
  { name: "RevokeSessions", end: ({ core }, { userId }) => core.end.matching({ userId }, ADMIN) },
  {
    name: "ChangePassword on another session",
    end: async (replica, { userId, username }) => {
      const other = await signIn(replica, username);
      await replica.core.changePassword({
        userId,
        sessionId: other.session.id,
        currentPassword: PASSWORD,
        newPassword: "another perfectly fine passphrase",
        ip: "192.0.2.1",
      });
    },
  },
  {
    name: "SetPassword",
    end: ({ core }, { userId }) => core.users.setPassword(userId, `${PASSWORD} of today`, BY),
  },
  {
    name: "UpdateUser with is_active false",
    verdict: "USER_INACTIVE",
    end: ({ core }, { userId }) => core.users.update(userId, { isActive: false }, BY),
  },
  {
    name: "DeleteUser",
    verdict: "USER_INACTIVE",
    end: ({ core }, { userId }) => core.users.delete(userId, BY),
  },
  {
    name: "eviction by the session limit",
    end: async (replica, { username }) => {
      for (let logins = 0; logins < 3; logins++) await signIn(replica, username);
    },
  },
  {
    name: "reuse of a refresh token",
    end: async (replica, { refreshToken }) => {
      let newest = refreshToken;
      for (let refreshes = 0; refreshes < 3; refreshes++) {
        const next = await replica.core.refreshTokens({ refreshToken: newest, ip: "" });
        newest = next.tokens.refreshToken;
      }
      const reuse = await outcomeOf(replica.core.refreshTokens({ refreshToken, ip: "" }));
      expect(reuse).toBe("REFRESH_TOKEN_REUSED");
    },
  },
];

describe("L1 once a revocation has answered OK, no replica says valid", () => {
  test.each(ENDINGS)("L1 $name", async ({ end, verdict = "ACCESS_TOKEN_BLACKLISTED" }) => {
    const { a, b } = replicas;
    const session = await newSession(a);
    // Both know it by heart, in Redis.
    for (const replica of [a, b, a, b])
      expect(await verdictOf(replica, session.accessToken)).toBe("valid");

    await end(a, session);

    const verdicts = [b, a].map((replica) => verdictOf(replica, session.accessToken));
    expect(await Promise.all(verdicts)).toEqual([verdict, verdict]);
  });

  test("L1 L2 thousands of validations race revocations on two replicas", async () => {
    const { a, b } = replicas;
    const sessions = await openSessions(a, await makeUser(a), 1500);
    const history = await raceRevocations({ replicas: [a, b], sessions, budgetMs: 3000 });
    expect(history.violations()).toEqual([]);
    expect(history.validCount()).toBeGreaterThan(500);
  });

  test("L4 repeating a revocation answers the revision of the first", async () => {
    const { a, b } = replicas;
    const { accessToken, sessionId, userId } = await newSession(a);
    const revision = await signOut(a, accessToken);
    expect(revision).toBeGreaterThan(0n);
    await signOut(a, (await newSession(a)).accessToken);
    expect(await signOut(b, accessToken)).toBe(revision);
    expect(await b.core.end.one(sessionId, ADMIN)).toBe(revision);
    expect(await b.core.end.ofUser(userId, undefined, ADMIN)).toEqual({ count: 0, revision });
  });
});

describe("L5 ending all sessions of a user covers a login in flight", () => {
  /** Makes two calls wait for the user's row, in this order, and lets them go. */
  const inOrder = async <First, Second>(
    userId: string,
    first: () => Promise<First>,
    second: () => Promise<Second>,
  ): Promise<[First, Second]> => {
    const { a } = replicas;
    const waiters = async () => {
      const { rows } = await a.database.raw<{ rows: unknown[] }>(
        `SELECT 1 FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows.length;
    };
    const hold = await a.database.transaction();
    await hold("users").where("user_id", userId).forUpdate();
    const calls: [Promise<First>, Promise<Second>] = [
      first(),
      waitUntil("the first call waits", async () => (await waiters()) >= 1).then(second),
    ];
    await waitUntil("both calls wait", async () => (await waiters()) >= 2);
    await hold.commit();
    return Promise.all(calls);
  };

  test("L5 a login ordered before RevokeUserSessions gets dead tokens", async () => {
    const { a, b } = replicas;
    const user = await makeUser(a);
    const [login, { count }] = await inOrder(
      user.id,
      () => signIn(b, user.username),
      () => a.core.end.ofUser(user.id, undefined, ADMIN),
    );
    expect(count).toBe(1);
    expect(await verdictOf(b, login.tokens.accessToken)).toBe("ACCESS_TOKEN_BLACKLISTED");
    const { refreshToken } = login.tokens;
    expect(await outcomeOf(b.core.refreshTokens({ refreshToken, ip: "" }))).toBe(
      "SESSION_REVOKED_OR_INVALID",
    );
  });

  test("L5 a login ordered after RevokeUserSessions lives", async () => {
    const { a, b } = replicas;
    const user = await makeUser(a);
    const [{ count }, login] = await inOrder(
      user.id,
      () => a.core.end.ofUser(user.id, undefined, ADMIN),
      () => signIn(b, user.username),
    );
    expect(count).toBe(0);
    expect(await verdictOf(a, login.tokens.accessToken)).toBe("valid");
  });

  test.each([
    [
      "deactivation",
      async (id: string): Promise<unknown> =>
        replicas.a.core.users.update(id, { isActive: false }, BY),
    ],
    [
      "SetPassword",
      async (id: string): Promise<unknown> =>
        replicas.a.core.users.setPassword(id, `${PASSWORD}!`, BY),
    ],
    ["DeleteUser", async (id: string): Promise<unknown> => replicas.a.core.users.delete(id, BY)],
  ])("L5 no login in flight outlives %s, whatever the order", async (_name, end) => {
    const { a, b } = replicas;
    for (let round = 0; round < 12; round++) {
      const user = await makeUser(a);
      const logins = [a, b, a, b].map((replica) => signIn(replica, user.username));
      const revocation = nextTurns(4 * round).then(() => end(user.id));
      const answers = await Promise.allSettled(logins);
      await revocation;
      for (const answer of answers) {
        if (answer.status === "rejected") expect(answer.reason).toBeInstanceOf(CurfewError);
        else expect(await verdictOf(b, answer.value.tokens.accessToken)).not.toBe("valid");
      }
      expect(await outcomeOf(signIn(a, user.username))).not.toBe("OK");
    }
  });
});

const nextTurns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await nextTurn();
};

describe("L6 the verdict and its reason do not depend on what Redis remembers", () => {
  const explainedVerdict = async (replica: CoreReplica, accessToken: string) => {
    const question = { accessToken, audience: "", skipActivity: false };
    const failure = await replica.core.validateToken(question).catch((error: unknown) => error);
    if (!(failure instanceof CurfewError)) throw new Error(`valid: ${JSON.stringify(failure)}`);
    const { reason, metadata } = failure;
    return { reason, metadata };
  };

  test.each(ENDINGS)("L6 after $name", async ({ end, verdict = "ACCESS_TOKEN_BLACKLISTED" }) => {
    const { a, b } = replicas;
    const session = await newSession(b);
    await end(b, session);
    const remembered = await explainedVerdict(a, session.accessToken);
    expect(remembered.reason).toBe(verdict);
    expect(Date.parse(remembered.metadata.ended_at ?? "")).not.toBeNaN();
    await replicas.flushRedis();
    expect(await explainedVerdict(b, session.accessToken)).toEqual(remembered);
    await replicas.flushRedis();
    expect(await explainedVerdict(a, session.accessToken)).toEqual(remembered);
    expect(await explainedVerdict(b, session.accessToken)).toEqual(remembered);
  });
});
