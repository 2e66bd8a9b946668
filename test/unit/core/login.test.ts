import { describe, expect, test } from "vitest";
import { ADDRESS, loginStage } from "./login_stage.js";
import { HOUR, MINUTE, NOW, SETTINGS, session } from "./samples.js";

const reason = (name: string) => ({ reason: name });
const SEEN = `ada from ${ADDRESS}`;

describe("a login", () => {
  test("makes a session that lasts as long as is set, and tokens of it", async () => {
    const stage = loginStage();
    stage.now = NOW + 1;
    const { tokens, session: made, user, evicted } = await stage.login();
    expect(made).toMatchObject({
      userId: "user",
      createdAt: NOW + 1,
      lastActivityAt: NOW + 1,
      // On a whole second, as `sexp` has no others, and never shorter than the setting.
      expiresAt: NOW + SETTINGS.maxLifetimeMs + 1000,
      accessExpiresAt: NOW + SETTINGS.accessTtlMs + 1000,
      device: "laptop",
      ip: ADDRESS,
      userAgent: "browser",
      refresh: { generation: 1, rotatedAt: NOW + 1, previousRotatedAt: NOW + 1 },
      end: undefined,
    });
    expect(stage.truth.session(made.id)).toEqual(made);
    expect(JSON.parse(tokens.accessToken)).toMatchObject({
      sub: "user",
      sid: made.id,
      jti: made.jti,
      roles: ["admin"],
      sexp: made.expiresAt / 1000,
    });
    expect(made.jti).not.toBe(made.id);
    expect(JSON.parse(tokens.refreshToken)).toEqual({ sessionId: made.id, generation: 1 });
    expect(user).toMatchObject({ id: "user", username: "ada" });
    expect(evicted).toEqual([]);
  });

  test("is looked at by the sweeper when it may time out, for whatever comes first", async () => {
    const idle = loginStage();
    const first = await idle.login();
    expect(idle.truth.checkOf(first.session.id)).toBe(NOW + SETTINGS.idleTimeoutMs);
    const short = loginStage({ settings: { maxLifetimeMs: 10 * MINUTE } });
    const second = await short.login();
    expect(short.truth.checkOf(second.session.id)).toBe(NOW + 10 * MINUTE);
  });

  test("leaves the roles out of the access token on request, and answers them all the same", async () => {
    const { tokens, user } = await loginStage().login("right", "ada", { omitRoles: true });
    expect(JSON.parse(tokens.accessToken).roles).toEqual([]);
    expect(user.roles).toEqual(["admin"]);
  });

  test("D7: is one event", async () => {
    const stage = loginStage();
    const { session: made } = await stage.login();
    expect(stage.truth.events()).toEqual([
      {
        type: "LOGIN",
        at: NOW,
        userId: "user",
        sessionId: made.id,
        actor: "user",
        ip: ADDRESS,
      },
    ]);
    expect(stage.truth.commits).toBe(1);
  });

  test("D1: forgets the failed ones before it", async () => {
    const stage = loginStage();
    await stage.login();
    expect(stage.throttled).toEqual([`attempt ${SEEN}`, `clear ${SEEN}`]);
  });

  test("finds the user however the name is spelled", async () => {
    const stage = loginStage();
    await stage.login("right", " ＡDa ");
    expect(stage.throttled[0]).toBe(`attempt ${SEEN}`);
  });

  test("makes the hash one of today, and only where it is not", async () => {
    const old = loginStage();
    old.isOldHash = true;
    await old.login();
    expect(old.truth.accountNamed("ada")?.passwordHash).toBe("new hash of right");
    const current = loginStage();
    await current.login();
    expect(current.truth.accountNamed("ada")?.passwordHash).toBe("hash of right");
  });
});

describe("D1: a failed login", () => {
  test("wrong, unknown and inactive with a wrong password are one failure, after the same work", async () => {
    const cases = [
      { stage: loginStage(), username: "ada", hash: "hash of right", userId: "user" },
      { stage: loginStage(), username: "nobody", hash: undefined, userId: undefined },
      {
        stage: loginStage({ user: { isActive: false } }),
        username: "ada",
        hash: "hash of right",
        userId: "user",
      },
    ];
    for (const { stage, username, hash, userId } of cases) {
      const failure = await stage.login("wrong", username).catch((error: unknown) => error);
      expect(failure).toMatchObject({
        reason: "INVALID_CREDENTIALS",
        metadata: {},
        retryAfterMs: undefined,
      });
      expect(stage.checked).toEqual([hash]);
      // It stays counted, and is one event.
      expect(stage.throttled).toEqual([`attempt ${username} from ${ADDRESS}`]);
      expect(stage.truth.events()).toEqual([
        { type: "LOGIN_FAILED", reason: "INVALID_CREDENTIALS", at: NOW, userId, ip: ADDRESS },
      ]);
      expect(stage.live()).toEqual([]);
    }
  });

  test("of an inactive user with the right password says so, and does not count", async () => {
    const stage = loginStage({ user: { isActive: false } });
    await expect(stage.login()).rejects.toMatchObject(reason("USER_INACTIVE"));
    expect(stage.throttled).toEqual([`attempt ${SEEN}`, `clear ${SEEN}`]);
    expect(stage.truth.events()).toMatchObject([{ reason: "USER_INACTIVE", userId: "user" }]);
  });

  test.each([
    ["a wrong password", "wrong", "ada"],
    ["the right password", "right", "ada"],
    ["an unknown user", "right", "nobody"],
  ])(
    "of a locked account with %s is told to wait, after the same work",
    async (_, password, username) => {
      const stage = loginStage();
      stage.verdict = { retryAfterMs: 5000, locked: false };
      await expect(stage.login(password, username)).rejects.toMatchObject({
        reason: "TOO_MANY_ATTEMPTS",
        retryAfterMs: 5000,
      });
      expect(stage.checked).toHaveLength(1);
      expect(stage.throttled).toHaveLength(1);
      expect(stage.truth.eventTypes()).toEqual(["LOGIN_FAILED"]);
      expect(stage.live()).toEqual([]);
    },
  );

  test("D7: the one that locks the account is told of as that too", async () => {
    const stage = loginStage();
    stage.verdict = { retryAfterMs: 5000, locked: true };
    await expect(stage.login("wrong")).rejects.toMatchObject(reason("TOO_MANY_ATTEMPTS"));
    expect(stage.truth.events()).toEqual([
      { type: "LOGIN_FAILED", reason: "TOO_MANY_ATTEMPTS", at: NOW, userId: "user", ip: ADDRESS },
      { type: "ACCOUNT_LOCKED", at: NOW, userId: "user", ip: ADDRESS },
    ]);
  });
});

describe("D2: a login that the hasher has no time for", () => {
  test("is told to wait, and does not count: nobody looked at the password", async () => {
    const stage = loginStage();
    stage.isBusy = true;
    await expect(stage.login()).rejects.toMatchObject({
      reason: "TOO_MANY_ATTEMPTS",
      retryAfterMs: 1000,
    });
    expect(stage.throttled).toEqual([`attempt ${SEEN}`, `forgive ${SEEN}`]);
    expect(stage.truth.events()).toEqual([]);
  });

  test("stays counted over the limit, and the lock has its event", async () => {
    const stage = loginStage();
    stage.isBusy = true;
    stage.verdict = { retryAfterMs: 5000, locked: true };
    await expect(stage.login()).rejects.toMatchObject({ retryAfterMs: 5000 });
    expect(stage.throttled).toEqual([`attempt ${SEEN}`]);
    expect(stage.truth.eventTypes()).toEqual(["LOGIN_FAILED", "ACCOUNT_LOCKED"]);
    stage.verdict = { retryAfterMs: 4000, locked: false };
    await expect(stage.login()).rejects.toMatchObject({ retryAfterMs: 1000 });
    expect(stage.throttled).toHaveLength(2);
    expect(stage.truth.eventTypes()).toHaveLength(2);
  });
});

describe("a user who changes while their password is checked", () => {
  test("L5: is checked again: the old password is good no longer", async () => {
    const stage = loginStage();
    stage.change({ passwordHash: "hash of another" });
    await expect(stage.login()).rejects.toMatchObject(reason("INVALID_CREDENTIALS"));
    expect(stage.checked).toEqual(["hash of right", "hash of another"]);
    expect(stage.live()).toEqual([]);
    // One attempt, however often it was checked.
    expect(stage.throttled).toEqual([`attempt ${SEEN}`]);
  });

  test("L5: and is deactivated gets no session", async () => {
    const stage = loginStage();
    stage.change({ isActive: false });
    await expect(stage.login()).rejects.toMatchObject(reason("USER_INACTIVE"));
    expect(stage.live()).toEqual([]);
  });

  test("L5: and is deleted gets no session", async () => {
    const stage = loginStage();
    stage.truth.before.push(({ accounts }) => accounts.clear());
    await expect(stage.login()).rejects.toMatchObject(reason("INVALID_CREDENTIALS"));
    expect(stage.checked).toEqual(["hash of right", undefined]);
  });

  test("over and over is an outage after three checks, never a refusal", async () => {
    const stage = loginStage();
    for (const round of [1, 2, 3]) stage.change({ passwordHash: `${round}. hash of right` });
    await expect(stage.login()).rejects.toMatchObject(reason("DEPENDENCY_UNAVAILABLE"));
    expect(stage.checked).toHaveLength(3);
    expect(stage.truth.events()).toEqual([]);
    const twice = loginStage();
    for (const round of [1, 2]) twice.change({ passwordHash: `${round}. hash of right` });
    expect((await twice.login()).session.userId).toBe("user");
  });
});

test("a login is later than every open session, whatever the clocks of replicas say", async () => {
  const ahead = session({ id: "ahead", createdAt: NOW + HOUR, lastActivityAt: NOW + HOUR });
  const stage = loginStage({ sessions: [ahead] });
  expect((await stage.login()).session.createdAt).toBe(NOW + HOUR + 1);
});
