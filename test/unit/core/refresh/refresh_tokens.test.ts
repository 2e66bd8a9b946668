import { describe, expect, test } from "vitest";
import type { AccessClaims } from "../../../../src/access_token/access_claims.js";
import { IDLE, MAXIMUM, refreshStage } from "../refresh_stage.js";
import { MINUTE, NOW, SETTINGS } from "../samples.js";

const GRACE = SETTINGS.graceMs;
const claimsOf = (accessToken: string): AccessClaims => JSON.parse(accessToken);
const reason = (name: string) => ({ reason: name });

describe("the first use of a refresh token", () => {
  test("gives the next one, and a new access token of the same session", async () => {
    const stage = refreshStage();
    stage.now = NOW + MINUTE;
    const { tokens, session } = await stage.use(1);
    expect(tokens.refreshToken).toBe("session/2/key");
    expect(tokens.expiresIn).toBe(900);
    expect(claimsOf(tokens.accessToken)).toMatchObject({
      sub: "user",
      sid: "session",
      roles: ["admin"],
      iat: stage.now / 1000,
      exp: stage.now / 1000 + 900,
      sexp: MAXIMUM / 1000,
      auth_time: NOW / 1000,
    });
    expect(session).toEqual(stage.primaryStore.session("session"));
    expect(session).toMatchObject({
      jti: claimsOf(tokens.accessToken).jti,
      lastActivityAt: stage.now,
      accessExpiresAt: stage.now + SETTINGS.accessTtlMs,
      expiresAt: MAXIMUM,
      refresh: { generation: 2, rotatedAt: stage.now, previousRotatedAt: NOW },
    });
    expect(stage.settled).toEqual([]);
  });

  test("A2: of an application whose user is away is no use of the session, which idles out", async () => {
    const stage = refreshStage();
    const away = { skipActivity: true };
    stage.now = NOW + IDLE - 1;
    await stage.present("session/1/key", away);
    expect(stage.primaryStore.session("session").lastActivityAt).toBe(NOW);
    stage.now = NOW + IDLE;
    await expect(stage.present("session/2/key", away)).rejects.toMatchObject({
      reason: "SESSION_INACTIVITY_TIMEOUT",
    });
  });

  test("leaves the roles out of the access token on request", async () => {
    const { tokens } = await refreshStage().present("session/1/key", { omitRoles: true });
    expect(claimsOf(tokens.accessToken).roles).toEqual([]);
  });

  test("D7: is one event", async () => {
    const stage = refreshStage();
    await stage.use(1);
    expect(stage.primaryStore.events()).toEqual([
      {
        type: "REFRESHED",
        at: NOW,
        userId: "user",
        sessionId: "session",
        actor: "user",
        ip: "192.0.2.1",
        metadata: {},
      },
    ]);
  });

  test("never shortens what is known of the longest-lived access token", async () => {
    const stage = refreshStage({ accessExpiresAt: NOW + 2 * SETTINGS.accessTtlMs });
    await stage.use(1);
    expect(stage.primaryStore.session("session").accessExpiresAt).toBe(
      NOW + 2 * SETTINGS.accessTtlMs,
    );
  });

  test("A2: never takes back a use that a faster clock has noted", async () => {
    const stage = refreshStage({ lastActivityAt: NOW + 500 });
    await stage.use(1);
    expect(stage.primaryStore.session("session").lastActivityAt).toBe(NOW + 500);
    stage.activity.record("session", NOW + 900);
    await stage.use(2);
    expect(stage.primaryStore.session("session").lastActivityAt).toBe(NOW + 900);
  });

  test("a user who is gone has no roles left", async () => {
    const stage = refreshStage();
    stage.primaryStore.before.push((state) => state.accounts.clear());
    expect(claimsOf((await stage.use(1)).tokens.accessToken).roles).toEqual([]);
  });
});

describe("the same token again, its successor not used", () => {
  test("R1: any number at once make one successor", async () => {
    const stage = refreshStage();
    const answers = await Promise.all(Array.from({ length: 20 }, () => stage.use(1)));
    expect(new Set(answers.map(({ tokens }) => tokens.refreshToken))).toEqual(
      new Set(["session/2/key"]),
    );
    expect(stage.primaryStore.session("session").refresh.generation).toBe(2);
  });

  test("R2: gives the same successor, by the key it was made with, and a token of its own", async () => {
    const stage = refreshStage();
    const first = await stage.present("session/1/an old key");
    stage.now += GRACE - 1;
    const again = await stage.present("session/1/an old key");
    expect(again.tokens.refreshToken).toBe("session/2/an old key");
    expect(again.tokens.refreshToken).toBe(first.tokens.refreshToken);
    const [one, two] = [first, again].map(({ tokens }) => claimsOf(tokens.accessToken));
    expect(two?.sid).toBe(one?.sid);
    expect(two?.jti).not.toBe(one?.jti);
    expect(stage.primaryStore.session("session").jti).toBe(two?.jti);
    expect(stage.primaryStore.events().map(({ metadata }) => metadata)).toEqual([
      {},
      { repeated: "true" },
    ]);
  });

  test("R4: extends no timeout and no grace", async () => {
    const stage = refreshStage();
    await stage.use(1);
    const before = stage.primaryStore.session("session");
    for (let elapsed = 1000; elapsed < GRACE; elapsed += 1000) {
      stage.now = NOW + elapsed;
      await stage.use(1);
    }
    const { lastActivityAt, refresh, expiresAt } = stage.primaryStore.session("session");
    expect({ lastActivityAt, refresh, expiresAt }).toEqual({
      lastActivityAt: before.lastActivityAt,
      refresh: before.refresh,
      expiresAt: before.expiresAt,
    });
    stage.now = NOW + GRACE;
    await expect(stage.use(1)).rejects.toMatchObject(reason("REFRESH_TOKEN_REUSED"));
  });
});

describe("R3: a token whose successor was used", () => {
  test("within the grace time is refused, tells of it once, and the session lives", async () => {
    const stage = refreshStage();
    await stage.use(1);
    await stage.use(2);
    await expect(stage.use(1)).rejects.toMatchObject(reason("REFRESH_TOKEN_REUSED"));
    expect(stage.primaryStore.eventTypes()).toEqual(["REFRESHED", "REFRESHED", "REFRESH_REUSED"]);
    expect(stage.primaryStore.events().at(-1)).toEqual({
      type: "REFRESH_REUSED",
      reason: "refuse",
      at: NOW,
      userId: "user",
      sessionId: "session",
      ip: "192.0.2.1",
      metadata: { generation: "1" },
    });
    expect(stage.settled).toEqual([]);
    expect(stage.signed).toBe(2);
    expect((await stage.use(3)).tokens.refreshToken).toBe("session/4/key");
  });

  test.each([
    ["the one before, after the grace time", 1, GRACE],
    ["two before, after the grace time", 2, GRACE],
    ["an older one at once", 3, 0],
  ])("%s ends the session, in the transaction that tells of it", async (_, uses, wait) => {
    const stage = refreshStage();
    for (let generation = 1; generation <= uses; generation++) await stage.use(generation);
    const commits = stage.primaryStore.commits;
    stage.now += wait;
    await expect(stage.use(1)).rejects.toMatchObject(reason("REFRESH_TOKEN_REUSED"));
    expect(stage.primaryStore.commits).toBe(commits + 1);
    expect(stage.primaryStore.session("session").end).toEqual({
      reason: "REFRESH_REUSE",
      at: stage.now,
      by: "system",
      revision: 1n,
    });
    const told = stage.primaryStore.events().slice(uses);
    expect(told).toMatchObject([
      { type: "REFRESH_REUSED", reason: "end" },
      { type: "SESSION_ENDED", reason: "REFRESH_REUSE", ip: "192.0.2.1" },
    ]);
    expect(stage.settled).toMatchObject([{ sessionId: "session", end: { revision: 1n } }]);
    expect(stage.signed).toBe(uses);
  });

  test("L1: is not answered before the end is in force everywhere", async () => {
    const stage = refreshStage();
    await stage.use(1);
    stage.now += GRACE;
    stage.settles = false;
    await expect(stage.use(1)).rejects.toMatchObject(reason("DEPENDENCY_UNAVAILABLE"));
    stage.settles = true;
    await expect(stage.use(1)).rejects.toMatchObject(reason("SESSION_REVOKED_OR_INVALID"));
    expect(
      stage.primaryStore.eventTypes().filter((type) => type === "REFRESH_REUSED"),
    ).toHaveLength(1);
  });
});
