import { describe, expect, test, vi } from "vitest";
import { RESERVATION_MS } from "../../../../src/core/ports/login_throttle.js";
import { testCall } from "../../../support/test_call.js";
import { ADDRESS, type LoginStage, loginStage } from "../login_stage.js";
import { HOUR, MINUTE, NOW, SETTINGS, session } from "../samples.js";

const reason = (name: string) => ({ reason: name });

/** As many sessions as may be. */
const fullHouse = () =>
  Array.from({ length: SETTINGS.maxSessions }, (_, i) => session({ id: `open ${i}` }));

/** Resolves when the background work behind an answer has progressed this far. */
const eventually = (check: () => void) => vi.waitFor(check);

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
    expect(stage.primaryStore.session(made.id)).toEqual(made);
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
    expect(idle.primaryStore.checkOf(first.session.id)).toBe(NOW + SETTINGS.idleTimeoutMs);
    const short = loginStage({ settings: { maxLifetimeMs: 10 * MINUTE } });
    const second = await short.login();
    expect(short.primaryStore.checkOf(second.session.id)).toBe(NOW + 10 * MINUTE);
  });

  test("leaves the roles out of the access token on request, and answers them all the same", async () => {
    const { tokens, user } = await loginStage().login("right", "ada", { omitRoles: true });
    expect(JSON.parse(tokens.accessToken).roles).toEqual([]);
    expect(user.roles).toEqual(["admin"]);
  });

  test("D7: is one event", async () => {
    const stage = loginStage();
    const { session: made } = await stage.login();
    expect(stage.primaryStore.events()).toEqual([
      {
        type: "LOGIN",
        at: NOW,
        userId: "user",
        sessionId: made.id,
        actor: "user",
        ip: ADDRESS,
        metadata: { client_id: "curfew" },
      },
    ]);
    expect(stage.primaryStore.commits).toBe(1);
  });

  test("D1: forgets the failed ones before it", async () => {
    const stage = loginStage();
    await stage.login();
    expect(stage.throttled).toEqual(["reserved", "passed"]);
  });

  test("finds the user however the name is spelled", async () => {
    const stage = loginStage();
    expect((await stage.login("right", " ＡDa ")).user.username).toBe("ada");
  });

  test("makes the hash one of today, and only where it is not", async () => {
    const old = loginStage();
    old.isOldHash = true;
    await old.login();
    expect(old.primaryStore.accountNamed("ada")?.passwordHash).toBe("new hash of right");
    const current = loginStage();
    await current.login();
    expect(current.primaryStore.accountNamed("ada")?.passwordHash).toBe("hash of right");
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
      expect(stage.throttled).toEqual(["reserved", "failed"]);
      expect(stage.primaryStore.events()).toEqual([
        { type: "LOGIN_FAILED", reason: "INVALID_CREDENTIALS", at: NOW, userId, ip: ADDRESS },
      ]);
      expect(stage.live()).toEqual([]);
    }
  });

  test("of an inactive user with the right password says so, and does not count", async () => {
    const stage = loginStage({ user: { isActive: false } });
    await expect(stage.login()).rejects.toMatchObject(reason("USER_INACTIVE"));
    expect(stage.throttled).toEqual(["reserved", "passed"]);
    expect(stage.primaryStore.events()).toMatchObject([
      { reason: "USER_INACTIVE", userId: "user" },
    ]);
  });

  test.each([
    ["a wrong password", "wrong", "ada"],
    ["the right password", "right", "ada"],
    ["an unknown user", "right", "nobody"],
  ])(
    "of a locked account with %s is told to wait, after the same work",
    async (_, password, username) => {
      const stage = loginStage();
      stage.refusal = "account_refused";
      await expect(stage.login(password, username)).rejects.toMatchObject({
        reason: "TOO_MANY_ATTEMPTS",
        retryAfterMs: 5000,
      });
      expect(stage.checked).toHaveLength(1);
      expect(stage.throttled).toEqual(["reserved", "released"]);
      expect(stage.primaryStore.eventTypes()).toEqual(["LOGIN_FAILED"]);
      expect(stage.live()).toEqual([]);
    },
  );

  test("is told that only parallel attempts are in the way, where that is so", async () => {
    const stage = loginStage();
    stage.refusal = "account_refused";
    stage.refusedFor = "busy";
    await expect(stage.login()).rejects.toMatchObject({
      reason: "TOO_MANY_ATTEMPTS",
      metadata: { cause: "busy" },
    });
    expect(stage.throttled).toEqual(["reserved", "released"]);
  });

  test("D7: the one that locks the account is told of as that too", async () => {
    const stage = loginStage();
    stage.perAccount = 1;
    await expect(stage.login("wrong")).rejects.toMatchObject(reason("INVALID_CREDENTIALS"));
    expect(stage.primaryStore.events()).toMatchObject([
      { type: "LOGIN_FAILED", reason: "INVALID_CREDENTIALS", at: NOW, userId: "user", ip: ADDRESS },
      { type: "ACCOUNT_LOCKED", at: NOW, userId: "user", ip: ADDRESS },
    ]);
    expect(stage.primaryStore.commits).toBe(1);
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
    expect(stage.throttled).toEqual(["reserved", "released"]);
    expect(stage.primaryStore.events()).toEqual([]);
  });
});

describe("D10: a source over its limit", () => {
  test("is refused before any hashing, alike for every name; the refusal is one event a minute", async () => {
    const stage = loginStage();
    stage.refusal = "source_refused";
    stage.lockedForMs = 90_000;
    const attempts = [
      ["right", "ada"],
      ["wrong", "ada"],
      ["right", "nobody"],
    ];
    for (const [password, username] of attempts)
      await expect(stage.login(password, username)).rejects.toMatchObject({
        reason: "TOO_MANY_ATTEMPTS",
        retryAfterMs: 90_000,
        metadata: {},
      });
    expect(stage.checked).toEqual([]);
    expect(stage.throttled).toEqual(["reserved"]);
    expect(stage.primaryStore.eventTypes()).toEqual(["LOGIN_FAILED"]);
    stage.now += 60_000;
    stage.lockedForMs = 30_000;
    await expect(stage.login()).rejects.toMatchObject({ retryAfterMs: 30_000 });
    expect(stage.primaryStore.eventTypes()).toEqual(["LOGIN_FAILED", "LOGIN_FAILED"]);
  });

  test("is let in again when its lock has ended", async () => {
    const stage = loginStage();
    stage.refusal = "source_refused";
    await expect(stage.login()).rejects.toMatchObject(reason("TOO_MANY_ATTEMPTS"));
    stage.refusal = undefined;
    stage.now += 4999;
    await expect(stage.login()).rejects.toMatchObject({ retryAfterMs: 1 });
    stage.now += 1;
    expect((await stage.login()).user.username).toBe("ada");
  });

  test("is asked about again at once where only parallel attempts were in the way", async () => {
    const stage = loginStage();
    stage.refusal = "source_refused";
    stage.refusedFor = "busy";
    await expect(stage.login()).rejects.toMatchObject({ metadata: { cause: "busy" } });
    stage.refusal = undefined;
    await stage.login();
  });
});

describe("O4: an attempt that did not fail for a wrong password", () => {
  const ways: [string, (stage: LoginStage) => void][] = [
    [
      "an outage at the commit",
      ({ primaryStore }) => Object.assign(primaryStore, { isDown: true }),
    ],
    [
      "evicted sessions that may still be valid",
      (stage) => Object.assign(stage, { settles: false }),
    ],
    ["a defect", (stage) => Object.assign(stage, { signs: false })],
    ["a busy hasher", (stage) => Object.assign(stage, { isBusy: true })],
    [
      "an account that keeps changing",
      (stage) => {
        for (const round of [1, 2, 3]) stage.change({ passwordHash: `${round}. hash of right` });
      },
    ],
  ];
  test.each(ways)("gives its place back after %s", async (_, spoil) => {
    const stage = loginStage({ sessions: fullHouse() });
    spoil(stage);
    await expect(stage.login()).rejects.toThrow();
    await eventually(() => expect(stage.throttled.at(-1)).toBe("released"));
    expect(stage.throttled).not.toContain("failed");
  });

  test("gives its place back when the store answers again, if it does not at once", async () => {
    const stage = loginStage();
    stage.primaryStore.isDown = true;
    stage.failingForgiveness = 3;
    await expect(stage.login()).rejects.toMatchObject(reason("DEPENDENCY_UNAVAILABLE"));
    for (let failed = 1; failed <= 2; failed++)
      await expect(stage.flushForgiven()).rejects.toMatchObject(reason("DEPENDENCY_UNAVAILABLE"));
    await stage.flushForgiven();
    await stage.flushForgiven();
    expect(stage.throttled).toEqual(["reserved", "released"]);
  });

  test("gives its place back before the caller tries again", async () => {
    const stage = loginStage();
    stage.primaryStore.isDown = true;
    stage.failingForgiveness = 1;
    await expect(stage.login()).rejects.toMatchObject(reason("DEPENDENCY_UNAVAILABLE"));
    stage.primaryStore.isDown = false;
    await stage.login();
    expect(stage.throttled).toEqual(["reserved", "released", "reserved", "passed"]);
  });

  test("is forgotten when its place has expired by itself", async () => {
    const stage = loginStage();
    stage.primaryStore.isDown = true;
    stage.failingForgiveness = 1;
    await expect(stage.login()).rejects.toMatchObject(reason("DEPENDENCY_UNAVAILABLE"));
    stage.now += RESERVATION_MS;
    await stage.flushForgiven();
    expect(stage.throttled).toEqual(["reserved"]);
  });

  test("is one with a wrong password whose event could not be written: it does not count either", async () => {
    const stage = loginStage();
    stage.primaryStore.isDown = true;
    await expect(stage.login("wrong")).rejects.toMatchObject(reason("DEPENDENCY_UNAVAILABLE"));
    await eventually(() => expect(stage.throttled).toEqual(["reserved", "released"]));
    expect(stage.primaryStore.events()).toEqual([]);
  });
});

describe("O3: a wrong password whose caller has gone", () => {
  test("is not counted when the caller went before", async () => {
    const stage = loginStage();
    const call = testCall();
    stage.meanwhile = call.leave;
    await expect(stage.login("wrong", "ada", { call })).rejects.toThrow();
    expect(stage.throttled).toEqual(["reserved", "released"]);
    expect(stage.primaryStore.events()).toEqual([]);
  });

  test("is taken back when the caller went while it was counted: the retry is the first failure", async () => {
    const stage = loginStage();
    const call = testCall();
    stage.primaryStore.after.push(call.leave);
    await expect(stage.login("wrong", "ada", { call })).rejects.toThrow();
    expect(stage.throttled).toEqual(["reserved", "failed", "released"]);
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
    expect(stage.throttled).toEqual(["reserved", "failed"]);
  });

  test("L5: and is deactivated gets no session", async () => {
    const stage = loginStage();
    stage.change({ isActive: false });
    await expect(stage.login()).rejects.toMatchObject(reason("USER_INACTIVE"));
    expect(stage.live()).toEqual([]);
  });

  test("L5: and is deleted gets no session", async () => {
    const stage = loginStage();
    stage.primaryStore.before.push(({ accounts }) => accounts.clear());
    await expect(stage.login()).rejects.toMatchObject(reason("INVALID_CREDENTIALS"));
    expect(stage.checked).toEqual(["hash of right", undefined]);
  });

  test("over and over is an outage after three checks, never a refusal", async () => {
    const stage = loginStage();
    for (const round of [1, 2, 3]) stage.change({ passwordHash: `${round}. hash of right` });
    await expect(stage.login()).rejects.toMatchObject(reason("DEPENDENCY_UNAVAILABLE"));
    expect(stage.checked).toHaveLength(3);
    expect(stage.primaryStore.events()).toEqual([]);
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
