import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CreateSessionInput } from "../../../src/core/login/create_session.js";
import {
  type CoreReplica,
  makeUser,
  outcomeOf,
  PASSWORD,
  signIn,
  signOut,
  startCoreReplica,
  TEST_SETTINGS,
  verdictOf,
} from "../../support/core_replica.js";
import { redisUrlForFile } from "../../support/redis.js";
import { testCall } from "../../support/test_call.js";
import { createDatabase, type TestDatabase } from "../../support/test_database.js";

const ISSUER = "https://idp.example";
const MAX_SESSIONS = 2;

let database: TestDatabase;
let one: CoreReplica;
let two: CoreReplica;
/** A user without a session yet. */
let userId: string;
let username: string;

beforeAll(async () => {
  database = await createDatabase();
  const options = {
    databaseUrl: database.url,
    redisUrl: await redisUrlForFile(),
    settings: { maxSessions: MAX_SESSIONS },
  };
  one = await startCoreReplica(options);
  two = await startCoreReplica(options);
});
afterAll(async () => {
  await one?.close();
  await two?.close();
  await database?.drop();
});
beforeEach(async () => {
  ({ id: userId, username } = await makeUser(one));
});

const TERMS = {
  device: "phone",
  ip: "198.51.100.7",
  userAgent: "app",
  clientId: "",
  amr: ["hwk"],
} as const;

const asked = (
  subject: CreateSessionInput["subject"],
  terms: Partial<CreateSessionInput["terms"]> = {},
  idempotency?: CreateSessionInput["idempotency"],
): CreateSessionInput => ({
  subject,
  terms: { ...TERMS, ...terms },
  by: "service:web",
  callerIp: "192.0.2.9",
  idempotency,
});

const forUser = (
  terms?: Partial<CreateSessionInput["terms"]>,
  idempotency?: CreateSessionInput["idempotency"],
) => asked({ userId }, terms, idempotency);

const external = (subject: string, profile?: { username?: string; roles?: string[] }) =>
  asked({
    identity: { issuer: ISSUER, subject },
    profile: profile && {
      username: profile.username,
      displayName: undefined,
      roles: profile.roles,
    },
  });

const count = async (table: string): Promise<number> => {
  const { rows } = await one.database.raw(`SELECT count(*)::int AS count FROM ${table}`);
  return rows[0].count;
};

describe("I1 a session by CreateSession is like one of Login", () => {
  test("it is valid on every replica, can be refreshed, and ends everywhere at once (L1)", async () => {
    const { tokens, session } = await one.core.createSession(forUser({ acr: "gold" }));
    expect(session).toMatchObject({ userId, amr: ["hwk"], acr: "gold", clientId: "curfew" });
    expect(await verdictOf(two, tokens.accessToken)).toBe("valid");
    const { refreshToken } = tokens;
    const refreshed = await two.core.refreshTokens({ refreshToken, ip: "" });
    const good = await one.core.validateToken({
      accessToken: refreshed.tokens.accessToken,
      audience: "",
      skipActivity: true,
    });
    expect(good.claims).toMatchObject({ amr: ["hwk"], acr: "gold", client_id: "curfew" });
    await signOut(one, tokens.accessToken);
    expect(await verdictOf(two, refreshed.tokens.accessToken)).toBe("ACCESS_TOKEN_BLACKLISTED");
  });

  test("N2 it counts against the limit beside logins, and what it evicts is ended and named", async () => {
    const first = await signIn(one, username);
    const second = await two.core.createSession(forUser());
    const third = await one.core.createSession(forUser());
    expect(third.evicted.map(({ id }) => id)).toEqual([first.session.id]);
    expect(await verdictOf(two, first.tokens.accessToken)).toBe("ACCESS_TOKEN_BLACKLISTED");
    const fourth = await signIn(two, username);
    expect(fourth.evicted.map(({ id }) => id)).toEqual([second.session.id]);
  });

  test("N1 of many at once exactly as many live as the limit allows", async () => {
    const made = await Promise.all(
      Array.from({ length: 8 }, (_, i) => (i % 2 ? one : two).core.createSession(forUser())),
    );
    const verdicts = await Promise.all(
      made.map(({ tokens }) => verdictOf(one, tokens.accessToken)),
    );
    expect(verdicts.filter((verdict) => verdict === "valid")).toHaveLength(MAX_SESSIONS);
  });

  test("nobody and a deactivated user get none", async () => {
    expect(await outcomeOf(one.core.createSession(asked({ userId: randomUUID() })))).toBe(
      "NOT_FOUND",
    );
    await one.core.users.update(userId, { isActive: false }, { by: "admin", ip: "" });
    expect(await outcomeOf(one.core.createSession(forUser()))).toBe("USER_INACTIVE");
  });

  test("D7 its event names the issuer", async () => {
    const { session } = await one.core.createSession(forUser());
    const { rows } = await one.database.raw(
      "SELECT actor, ip, metadata FROM audit_events WHERE session_id = ? AND type = 'LOGIN'",
      [session.id],
    );
    expect(rows).toEqual([
      { actor: "service:web", ip: TERMS.ip, metadata: { client_id: "curfew" } },
    ]);
  });
});

describe("times of a session by CreateSession", () => {
  const HOUR = 3_600_000;

  test("the maximum counts from auth_time, which is not in the future", async () => {
    const authTime = one.ports.clock.now() - HOUR;
    const { session } = await one.core.createSession(forUser({ authTime }));
    const maximum = Math.ceil((authTime + TEST_SETTINGS.maxLifetimeMs) / 1000) * 1000;
    expect(session).toMatchObject({ authTime, expiresAt: maximum });
    const future = one.core.createSession(forUser({ authTime: one.ports.clock.now() + HOUR }));
    expect(await outcomeOf(future)).toBe("INVALID_ARGUMENT");
    const past = { authTime: one.ports.clock.now() - TEST_SETTINGS.maxLifetimeMs };
    expect(await outcomeOf(one.core.createSession(forUser(past)))).toBe("INVALID_ARGUMENT");
  });

  test("limits of its own only shorten", async () => {
    const { maxLifetimeMs, idleTimeoutMs } = TEST_SETTINGS;
    const longer = { maxLifetimeMs: 2 * maxLifetimeMs, idleTimeoutMs: 2 * idleTimeoutMs };
    const { session } = await one.core.createSession(forUser(longer));
    expect(session.expiresAt).toBeLessThanOrEqual(session.createdAt + maxLifetimeMs + 1000);
    expect(session.idleTimeoutMs).toBeUndefined();
    const short = await one.core.createSession(forUser({ maxLifetimeMs: 60_000 }));
    expect(short.session.expiresAt).toBeLessThanOrEqual(short.session.createdAt + 61_000);
  });

  test("A2 it is idle after the inactivity timeout of its own, and not while it is used", async () => {
    const replica = await startCoreReplica({
      databaseUrl: database.url,
      redisUrl: await redisUrlForFile(),
    });
    try {
      const { tokens } = await replica.core.createSession(forUser({ idleTimeoutMs: 60_000 }));
      for (let uses = 0; uses < 3; uses++) {
        replica.advance(50_000);
        expect(await verdictOf(replica, tokens.accessToken)).toBe("valid");
      }
      replica.advance(61_000);
      expect(await verdictOf(replica, tokens.accessToken)).toBe("SESSION_INACTIVITY_TIMEOUT");
      expect(await verdictOf(one, tokens.accessToken)).toBe("SESSION_INACTIVITY_TIMEOUT");
    } finally {
      await replica.close();
    }
  });
});

describe("external identities", () => {
  test("an unknown one without a profile is nobody, and leaves nothing", async () => {
    const before = [await count("users"), await count("identities"), await count("sessions")];
    expect(await outcomeOf(one.core.createSession(external(randomUUID())))).toBe("NOT_FOUND");
    for (const profile of [{}, { username: "" }, { username: " \u3000 " }])
      expect(await outcomeOf(one.core.createSession(external(randomUUID(), profile)))).toBe(
        "INVALID_ARGUMENT",
      );
    const taken = external(randomUUID(), { username });
    expect(await outcomeOf(one.core.createSession(taken))).toBe("ALREADY_EXISTS");
    expect([await count("users"), await count("identities"), await count("sessions")]).toEqual(
      before,
    );
  });

  test("a profile makes the user once, and later updates what is set", async () => {
    const subject = randomUUID();
    const name = `ext-${subject}`;
    const first = await one.core.createSession(
      external(subject, { username: name, roles: ["clerk"] }),
    );
    expect(first.user).toMatchObject({ username: name, roles: ["clerk"] });
    expect(await verdictOf(two, first.tokens.accessToken)).toBe("valid");
    const again = await two.core.createSession(external(subject, { roles: ["boss"] }));
    expect(again.user).toMatchObject({ id: first.user.id, username: name, roles: ["boss"] });
    const question = { accessToken: first.tokens.accessToken, audience: "", skipActivity: true };
    // Also for a session that another replica had remembered with the roles of before.
    expect((await two.core.validateToken(question)).session.roles).toEqual(["boss"]);
    expect((await one.core.createSession(external(subject))).user.id).toBe(first.user.id);
  });

  test("they compare byte for byte", async () => {
    const base = `${randomUUID()}-É`;
    const spellings = [base, base.toLowerCase(), base.normalize("NFD"), `${base} `];
    const users = await Promise.all(
      spellings.map((subject) =>
        one.core.createSession(external(subject, { username: `u-${randomUUID()}` })),
      ),
    );
    expect(new Set(users.map(({ user }) => user.id)).size).toBe(spellings.length);
  });

  test("N4 many first sign-ins at once make one user", async () => {
    const subject = randomUUID();
    const made = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        (i % 2 ? one : two).core.createSession(external(subject, { username: `u-${subject}` })),
      ),
    );
    expect(new Set(made.map(({ user }) => user.id)).size).toBe(1);
  });

  test("D1 O4 a user without a password fails to log in like anybody, and it counts", async () => {
    const name = `ext-${randomUUID()}`;
    await one.core.createSession(external(name, { username: name }));
    for (const password of [PASSWORD, "undefined", "null"])
      expect(await outcomeOf(signIn(one, name, password))).toBe("INVALID_CREDENTIALS");
    const { rows } = await one.database.raw(
      `SELECT count(*)::int AS count FROM audit_events e JOIN users u ON e.user_id = u.user_id::text
       WHERE u.username = ? AND e.reason = 'INVALID_CREDENTIALS'`,
      [name],
    );
    expect(rows[0].count).toBe(3);
  });

  test("linked ones find the user, until they are unlinked or the user is deleted", async () => {
    const admin = { by: "admin", ip: "" };
    const identity = { issuer: ISSUER, subject: randomUUID() };
    await one.core.identities.link(userId, identity, admin);
    await two.core.identities.link(userId, identity, admin);
    const opened = await one.core.createSession(external(identity.subject));
    expect(opened.user.id).toBe(userId);
    const other = await makeUser(one);
    expect(await outcomeOf(one.core.identities.link(other.id, identity, admin))).toBe(
      "ALREADY_EXISTS",
    );
    expect(await outcomeOf(one.core.identities.unlink(other.id, identity, admin))).toBe(
      "NOT_FOUND",
    );
    await one.core.identities.unlink(userId, identity, admin);
    expect(await outcomeOf(one.core.createSession(external(identity.subject)))).toBe("NOT_FOUND");
    await one.core.identities.link(other.id, identity, admin);
    await one.core.users.delete(other.id, admin);
    expect(await outcomeOf(one.core.createSession(external(identity.subject)))).toBe("NOT_FOUND");
  });
});

describe("O3 an idempotency key", () => {
  const keyed = (key: string, fingerprint = "print") => forUser({}, { key, fingerprint });

  test("gives the same session again, with tokens that are good", async () => {
    const key = randomUUID();
    const other = await signIn(one, username);
    await signIn(one, username);
    const first = await one.core.createSession(keyed(key));
    const again = await two.core.createSession(keyed(key));
    expect(again.session.id).toBe(first.session.id);
    expect(again.evicted.map(({ id }) => id)).toEqual([other.session.id]);
    expect(again.tokens.refreshToken).toBe(first.tokens.refreshToken);
    for (const { tokens } of [first, again])
      expect(await verdictOf(one, tokens.accessToken)).toBe("valid");
  });

  test("makes one session of many calls at once", async () => {
    const key = randomUUID();
    const made = await Promise.all(
      Array.from({ length: 6 }, (_, i) => (i % 2 ? one : two).core.createSession(keyed(key))),
    );
    expect(new Set(made.map(({ session }) => session.id)).size).toBe(1);
  });

  test("refuses another request, and the one of another caller is another key", async () => {
    const key = randomUUID();
    const first = await one.core.createSession(keyed(key));
    expect(await outcomeOf(one.core.createSession(keyed(key, "another")))).toBe("ALREADY_EXISTS");
    const stranger = await one.core.createSession({ ...keyed(key), by: "service:other" });
    expect(stranger.session.id).not.toBe(first.session.id);
  });

  test("gives no session that has ended, and is forgotten after a day", async () => {
    const key = randomUUID();
    const first = await one.core.createSession(keyed(key));
    await signOut(one, first.tokens.accessToken);
    expect(await outcomeOf(two.core.createSession(keyed(key)))).toBe("SESSION_REVOKED_OR_INVALID");
    await one.database.raw(
      "UPDATE session_requests SET expires_at = expires_at - interval '2 day'",
    );
    const anew = await two.core.createSession(keyed(key, "another"));
    expect(anew.session.id).not.toBe(first.session.id);
    await one.database.raw(
      "UPDATE session_requests SET expires_at = expires_at - interval '2 day'",
    );
    await one.core.cleanup();
    expect(await count("session_requests")).toBe(0);
  });

  test("owes a session to a caller whose first answer was lost, and the loss does not end it", async () => {
    const key = randomUUID();
    const lost = testCall();
    const first = await one.core.createSession(keyed(key), lost);
    // The repetition is quicker than the withdrawal of the first.
    const again = await two.core.createSession(keyed(key));
    lost.leave();
    await one.core.unanswered.flush();
    expect(again.session.id).toBe(first.session.id);
    expect(await verdictOf(one, again.tokens.accessToken)).toBe("valid");
  });

  test("makes another session where the first was withdrawn", async () => {
    const key = randomUUID();
    const lost = testCall();
    const first = await one.core.createSession(keyed(key), lost);
    lost.leave();
    await one.core.unanswered.flush();
    const again = await two.core.createSession(keyed(key));
    expect(again.session.id).not.toBe(first.session.id);
    expect(await verdictOf(one, again.tokens.accessToken)).toBe("valid");
    expect(await verdictOf(one, first.tokens.accessToken)).toBe("ACCESS_TOKEN_BLACKLISTED");
  });
});
