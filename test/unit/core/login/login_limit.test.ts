import { describe, expect, test } from "vitest";
import type { Session } from "../../../../src/core/session/session.js";
import { ADDRESS, loginStage } from "../login_stage.js";
import { HOUR, MINUTE, NOW, SETTINGS, session } from "../samples.js";

const reason = (name: string) => ({ reason: name });
const IDLE = SETTINGS.idleTimeoutMs;

/** Open sessions `s1`, `s2` …, the oldest first, all used a minute ago. */
const open = (count: number, given: Partial<Session> = {}): Session[] =>
  Array.from({ length: count }, (_, index) =>
    session({
      id: `s${index + 1}`,
      createdAt: NOW - HOUR + index,
      lastActivityAt: NOW - MINUTE,
      ...given,
    }),
  );

describe("a login at the session limit", () => {
  test("N2: ends the oldest, names it, and answers when that is in force everywhere", async () => {
    const stage = loginStage({ sessions: open(5) });
    const { session: made, evicted } = await stage.login();
    expect(evicted.map(({ id }) => id)).toEqual(["s1"]);
    expect(stage.primaryStore.session("s1").end).toMatchObject({
      reason: "SESSION_LIMIT",
      at: NOW,
      by: "system",
    });
    expect(stage.settled).toMatchObject([{ sessionId: "s1", userId: "user" }]);
    expect(stage.live()).toEqual(["s2", "s3", "s4", "s5", made.id]);
    expect(stage.primaryStore.events()).toMatchObject([
      { type: "LOGIN" },
      { type: "SESSION_ENDED", sessionId: "s1", ip: ADDRESS },
    ]);
    expect(stage.primaryStore.commits).toBe(1);
  });

  test("N1: below the limit ends nothing", async () => {
    const stage = loginStage({ sessions: open(4) });
    expect((await stage.login()).evicted).toEqual([]);
    expect(stage.live()).toHaveLength(5);
  });

  test("N1: twenty at once leave as many as may be", async () => {
    const stage = loginStage();
    await Promise.all(Array.from({ length: 20 }, () => stage.login()));
    expect(stage.live()).toHaveLength(SETTINGS.maxSessions);
  });

  test("N4: when the evicted may still be valid, the new one goes too: UNAVAILABLE, and none too many", async () => {
    const stage = loginStage({ sessions: open(5) });
    stage.settles = false;
    await expect(stage.login()).rejects.toMatchObject(reason("DEPENDENCY_UNAVAILABLE"));
    expect(stage.live()).toEqual(["s2", "s3", "s4", "s5"]);
    const [withdrawn] = stage.primaryStore.sessions().slice(-1);
    expect(withdrawn?.end).toMatchObject({ reason: "LOGIN_UNANSWERED", at: NOW, by: "system" });
    expect(stage.throttled).not.toContain("failed");
  });

  test("N4: a session whose tokens could not be made does not count", async () => {
    const stage = loginStage();
    stage.signs = false;
    await expect(stage.login()).rejects.toThrow("there is no key");
    expect(stage.live()).toEqual([]);
  });
});

describe("a login at the limit that evicts the least recently used", () => {
  const settings = { limitPolicy: "evict_least_recently_used" } as const;

  test("N2: goes by uses that have not reached Postgres", async () => {
    const stage = loginStage({ sessions: open(5), settings });
    for (const used of ["s1", "s2", "s4", "s5"]) stage.hotActivity.set(used, NOW - 1);
    const { evicted } = await stage.login();
    expect(evicted.map(({ id }) => id)).toEqual(["s3"]);
  });
});

describe("N3: a login that is refused for the limit", () => {
  const settings = { limitPolicy: "reject" } as const;

  test("makes nothing, ends nothing, and is no failed password", async () => {
    const stage = loginStage({ sessions: open(5), settings });
    await expect(stage.login()).rejects.toMatchObject(reason("SESSION_LIMIT_EXCEEDED"));
    expect(stage.live()).toEqual(["s1", "s2", "s3", "s4", "s5"]);
    expect(stage.throttled).toEqual(["reserved", "passed"]);
    expect(stage.primaryStore.events()).toEqual([
      {
        type: "LOGIN_FAILED",
        reason: "SESSION_LIMIT_EXCEEDED",
        at: NOW,
        userId: "user",
        ip: ADDRESS,
      },
    ]);
  });

  test("ends the timed-out sessions it found, and says so when that is in force", async () => {
    const late = session({ id: "late", lastActivityAt: NOW - IDLE });
    const stage = loginStage({ sessions: [...open(5), late], settings });
    await expect(stage.login()).rejects.toMatchObject(reason("SESSION_LIMIT_EXCEEDED"));
    expect(stage.primaryStore.session("late").end?.reason).toBe("IDLE_TIMEOUT");
    expect(stage.settled).toMatchObject([{ sessionId: "late" }]);
  });

  test("exactly as many as may be get in", async () => {
    const stage = loginStage({ settings });
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => stage.login()));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
    expect(stage.live()).toHaveLength(5);
  });
});

describe("N1: what has timed out", () => {
  test.each([
    ["IDLE_TIMEOUT", { lastActivityAt: NOW - IDLE }],
    ["EXPIRED", { expiresAt: NOW }],
  ])("takes no place, and is ended: %s", async (end, given) => {
    const stage = loginStage({ sessions: open(5, given) });
    const { session: made, evicted } = await stage.login();
    expect(evicted).toEqual([]);
    expect(stage.live()).toEqual([made.id]);
    expect(stage.primaryStore.session("s3").end).toMatchObject({
      reason: end,
      at: NOW,
      by: "system",
    });
    expect(stage.settled).toHaveLength(5);
  });

  test("but was used lately, as the hot store knows, takes its place", async () => {
    const stage = loginStage({ sessions: open(5, { lastActivityAt: NOW - IDLE }) });
    for (const id of ["s2", "s3", "s4", "s5"]) stage.hotActivity.set(id, NOW - 1);
    const { evicted } = await stage.login();
    expect(evicted).toEqual([]);
    expect(stage.primaryStore.session("s1").end?.reason).toBe("IDLE_TIMEOUT");
    expect(stage.live()).toHaveLength(5);
  });

  test("counts for itself alone: one used lately, which looks idle, keeps its place among others", async () => {
    const [first = session(), ...others] = open(5);
    const stage = loginStage({ sessions: [{ ...first, lastActivityAt: NOW - IDLE }, ...others] });
    stage.hotActivity.set("s1", NOW - 1);
    expect((await stage.login()).evicted.map(({ id }) => id)).toEqual(["s1"]);
  });

  test("sessions of others take no place", async () => {
    const stage = loginStage({ sessions: open(5, { userId: "somebody else" }) });
    expect((await stage.login()).evicted).toEqual([]);
    expect(stage.live()).toHaveLength(6);
  });
});
