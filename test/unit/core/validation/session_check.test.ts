import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { HotAnswer, HotEntry } from "../../../../src/core/ports/hot_store.js";
import type { EndReason } from "../../../../src/core/session/session.js";
import { checkStage } from "../check_stage.js";
import { HOUR, MINUTE, NOW, session } from "../samples.js";

const IDLE = 30 * MINUTE;
const live = (lastActivityAt = NOW): HotEntry => ({
  sessionId: "session",
  userId: "user",
  username: "ada",
  roles: ["admin"],
  expiresAt: NOW + 168 * HOUR,
  lastActivityAt,
});
const ended = (reason: EndReason = "LOGOUT") =>
  session({ end: { reason, at: NOW - 1, by: "user", revision: 7n } });
const HOT: HotAnswer = { kind: "live", entry: live() };

describe("the hot store's answer", () => {
  test("counts under a lease, and notes the use", async () => {
    const stage = checkStage();
    stage.hotAnswer = HOT;
    expect(await stage.check("session", NOW)).toBe(HOT.entry);
    expect(stage.activity.pending("session")).toBe(NOW);
  });

  test("A3: notes no use when there is none", async () => {
    const stage = checkStage();
    stage.hotAnswer = HOT;
    await stage.check("session", 0);
    stage.primaryStore = session();
    stage.hotAnswer = undefined;
    await stage.check("session", 0);
    expect(stage.activity.pending("session")).toBe(0);
  });

  test("L1: does not count when the lease ran out before it came", async () => {
    const stage = checkStage();
    stage.hotAnswer = HOT;
    stage.primaryStore = ended();
    stage.meanwhile = () => {
      stage.lease = undefined;
    };
    await expect(stage.check("session", NOW)).rejects.toMatchObject({
      reason: "ACCESS_TOKEN_BLACKLISTED",
    });
    expect(stage.activity.pending("session")).toBe(0);
  });

  test("L2: nor does that it has ended, for another replica may still call it live", async () => {
    const stage = checkStage();
    const { end } = ended();
    if (end) stage.hotAnswer = { kind: "ended", userId: "user", end };
    stage.primaryStore = ended();
    stage.pendingInvalidation = true;
    stage.settles = false;
    await expect(stage.check("session", NOW)).rejects.toMatchObject({
      reason: "ACCESS_TOKEN_BLACKLISTED",
    });
    stage.meanwhile = () => {
      stage.lease = undefined;
    };
    await expect(stage.check("session", NOW)).rejects.toMatchObject({
      reason: "DEPENDENCY_UNAVAILABLE",
    });
  });

  test("is not asked for without a lease", async () => {
    const stage = checkStage();
    stage.lease = undefined;
    stage.hotAnswer = HOT;
    await expect(stage.check("session", NOW)).rejects.toMatchObject({
      reason: "SESSION_REVOKED_OR_INVALID",
    });
  });

  test("L6: that it has ended gives the reason that Postgres gives", async () => {
    for (const reason of ["LOGOUT", "USER_DISABLED", "IDLE_TIMEOUT", "EXPIRED"] as const) {
      const [hot, primaryStore] = [checkStage(), checkStage()];
      const over = ended(reason);
      if (over.end) hot.hotAnswer = { kind: "ended", userId: "user", end: over.end };
      primaryStore.primaryStore = over;
      const verdicts = await Promise.allSettled(
        [hot, primaryStore].map((s) => s.check("session", NOW)),
      );
      const [first, second] = verdicts.map((v) => (v.status === "rejected" ? v.reason : v));
      expect({ ...first }).toEqual({ ...second });
    }
  });
});

describe("a doubt", () => {
  test("is settled by Postgres and filled in, with the newest use known to anybody", async () => {
    const stage = checkStage();
    stage.primaryStore = session({ lastActivityAt: NOW - 5000 });
    stage.hotAnswer = { kind: "unknown", fillToken: "fillToken", lastActivityAt: NOW - 3000 };
    stage.activity.record("session", NOW - 2000);
    expect(await stage.check("session", 0)).toEqual(live(NOW - 2000));
    expect(await stage.check("session", NOW)).toEqual(live(NOW));
    expect(stage.filled).toEqual([
      { entry: live(NOW - 2000), fillToken: "fillToken" },
      { entry: live(NOW), fillToken: "fillToken" },
    ]);
  });

  test("is not filled in without a fill token, nor when the hot store failed, which is told", async () => {
    const stage = checkStage();
    stage.primaryStore = session();
    stage.hotAnswer = { kind: "unknown", fillToken: undefined, lastActivityAt: 0 };
    await stage.check("session", NOW);
    expect(stage.suspicions).toBe(0);
    stage.hotAnswer = undefined;
    expect(await stage.check("session", NOW)).toEqual(live());
    expect(stage.suspicions).toBe(1);
    expect(stage.filled).toEqual([]);
  });

  test("A3: notes the use, where it is one", async () => {
    for (const hotAnswer of [
      { kind: "unknown", fillToken: "t", lastActivityAt: 0 },
      undefined,
    ] as const) {
      const stage = checkStage();
      stage.primaryStore = session();
      stage.hotAnswer = hotAnswer;
      await stage.check("session", 0);
      expect(stage.activity.pending("session")).toBe(0);
      await stage.check("session", NOW + 1);
      expect(stage.activity.pending("session")).toBe(NOW + 1);
    }
  });

  test("asks the hot store for what was asked, at the time that it is", async () => {
    const stage = checkStage();
    stage.primaryStore = session();
    stage.now = NOW + 5;
    await stage.check("session", NOW + 4);
    expect(stage.asked).toEqual([{ sessionId: "session", now: NOW + 5, touchAt: NOW + 4 }]);
  });

  test("filling in may fail: the answer stands", async () => {
    const stage = checkStage();
    stage.primaryStore = session();
    stage.hotWrites = false;
    await stage.check("session", NOW);
    await nextTurn();
    expect(stage.suspicions).toBe(1);
  });
});

describe("a revocation found in Postgres", () => {
  test("L2: is answered only when it is in force everywhere", async () => {
    const stage = checkStage();
    stage.primaryStore = ended();
    stage.pendingInvalidation = true;
    await expect(stage.check("session", NOW)).rejects.toMatchObject({
      reason: "ACCESS_TOKEN_BLACKLISTED",
    });
    expect(stage.settled.map(({ sessionId }) => sessionId)).toEqual(["session"]);
    stage.settles = false;
    await expect(stage.check("session", NOW)).rejects.toMatchObject({
      reason: "DEPENDENCY_UNAVAILABLE",
    });
  });

  test("is remembered for the next time, which nobody waits for", async () => {
    const stage = checkStage();
    stage.primaryStore = ended();
    await expect(stage.check("session", NOW)).rejects.toThrow("ACCESS_TOKEN_BLACKLISTED");
    expect(stage.invalidated.map(({ sessionId }) => sessionId)).toEqual(["session"]);
    stage.hotWrites = false;
    await expect(stage.check("session", NOW)).rejects.toThrow("ACCESS_TOKEN_BLACKLISTED");
    await nextTurn();
    expect(stage.suspicions).toBe(1);
  });

  test("is not told to a hot store that is not trusted", async () => {
    const stage = checkStage();
    stage.lease = undefined;
    stage.primaryStore = ended();
    await expect(stage.check("session", NOW)).rejects.toThrow("ACCESS_TOKEN_BLACKLISTED");
    expect(stage.invalidated).toEqual([]);
  });
});

describe("A2: a session that has not been used for long", () => {
  test("is ended, at the moment it timed out, once that is in force everywhere", async () => {
    const stage = checkStage();
    stage.primaryStore = session({ lastActivityAt: NOW - IDLE - 7000 });
    await expect(stage.check("session", NOW)).rejects.toMatchObject({
      reason: "SESSION_INACTIVITY_TIMEOUT",
      metadata: { ended_at: new Date(NOW - 7000).toISOString() },
    });
    expect(stage.ended).toEqual([
      { sessionId: "session", reason: "IDLE_TIMEOUT", at: NOW - 7000, by: "system" },
    ]);
    expect(stage.settled).toHaveLength(1);
    expect(stage.filled).toEqual([]);
    expect(stage.activity.pending("session")).toBe(0);
  });

  test.each<[string, (stage: ReturnType<typeof checkStage>) => void]>([
    ["this replica", (stage) => stage.activity.record("session", NOW - 1000)],
    [
      "the hot store",
      (stage) => {
        stage.hotAnswer = { kind: "unknown", fillToken: undefined, lastActivityAt: NOW - 1000 };
      },
    ],
    [
      "Postgres, a moment later,",
      (stage) => {
        stage.locked = session({ lastActivityAt: NOW - 1000 });
      },
    ],
  ])("lives when %s knows of a later use", async (_, know) => {
    const stage = checkStage();
    stage.primaryStore = session({ lastActivityAt: NOW - IDLE });
    know(stage);
    expect(await stage.check("session", 0)).toEqual(live(NOW - 1000));
    expect(stage.ended).toEqual([]);
  });

  test("ended by somebody else meanwhile is told as they ended it", async () => {
    const stage = checkStage();
    stage.primaryStore = session({ lastActivityAt: NOW - IDLE });
    stage.locked = ended("ADMIN");
    await expect(stage.check("session", NOW)).rejects.toMatchObject({
      reason: "ACCESS_TOKEN_BLACKLISTED",
      metadata: { end_reason: "ADMIN" },
    });
    expect(stage.ended).toEqual([]);
  });

  test("past its maximum is ended for that, at that moment", async () => {
    const stage = checkStage();
    stage.primaryStore = session({ lastActivityAt: NOW - 100 * HOUR, expiresAt: NOW - 3 });
    await expect(stage.check("session", NOW)).rejects.toMatchObject({ reason: "SESSION_EXPIRED" });
    expect(stage.ended).toMatchObject([{ reason: "EXPIRED", at: NOW - 3 }]);
  });
});
