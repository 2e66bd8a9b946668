import { describe, expect, test } from "vitest";
import { END_REASONS } from "../../../../src/core/session/session.js";
import { IDLE, MAXIMUM, refreshStage } from "../refresh_stage.js";
import { NOW } from "../samples.js";

const reason = (name: string) => ({ reason: name });

describe("no token at all", () => {
  test("for a text that is not one of ours; no store is asked", async () => {
    const stage = refreshStage();
    stage.primaryStore.isDown = true;
    await expect(stage.present("garbage")).rejects.toMatchObject(reason("REFRESH_TOKEN_INVALID"));
  });

  test("for a session that is not on record", async () => {
    const stage = refreshStage();
    const unknown = stage.present("another/1/key");
    await expect(unknown).rejects.toMatchObject(reason("SESSION_REVOKED_OR_INVALID"));
    expect(stage.settled).toEqual([]);
  });

  test("for a generation that was never issued, and nothing ends", async () => {
    const stage = refreshStage();
    await expect(stage.use(2)).rejects.toMatchObject(reason("REFRESH_TOKEN_INVALID"));
    expect(stage.primaryStore.session("session").end).toBeUndefined();
    expect(stage.primaryStore.events()).toEqual([]);
  });

  test("when the commit fails: nothing is signed, and the same token is good again", async () => {
    const stage = refreshStage();
    stage.primaryStore.isDown = true;
    await expect(stage.use(1)).rejects.toMatchObject(reason("DEPENDENCY_UNAVAILABLE"));
    expect(stage.signed).toBe(0);
    stage.primaryStore.isDown = false;
    expect((await stage.use(1)).tokens.refreshToken).toBe("session/2/key");
  });

  test.each(END_REASONS)("L2, R5: of a session ended for %s, once that is certain", async (why) => {
    const stage = refreshStage({ end: { reason: why, at: NOW - 1, by: "user", revision: 7n } });
    stage.settles = false;
    await expect(stage.use(1)).rejects.toMatchObject(reason("DEPENDENCY_UNAVAILABLE"));
    stage.settles = true;
    const expected =
      why === "IDLE_TIMEOUT"
        ? "SESSION_INACTIVITY_TIMEOUT"
        : why === "EXPIRED"
          ? "SESSION_EXPIRED"
          : "SESSION_REVOKED_OR_INVALID";
    await expect(stage.use(1)).rejects.toMatchObject({
      reason: expected,
      metadata: { end_reason: why },
    });
    expect(stage.settled).toMatchObject([{ sessionId: "session", userId: "user" }]);
    expect(stage.primaryStore.events()).toEqual([]);
  });
});

describe("A2: a session that has not been used for long", () => {
  test("is good until the last moment", async () => {
    const stage = refreshStage();
    stage.now = NOW + IDLE - 1;
    await stage.use(1);
    expect(stage.hotQuestions).toBe(0);
    expect(stage.primaryStore.session("session").end).toBeUndefined();
  });

  test("ends at the moment it timed out, whatever the token", async () => {
    const stage = refreshStage();
    stage.now = NOW + IDLE + 7000;
    await expect(stage.use(1)).rejects.toMatchObject({
      reason: "SESSION_INACTIVITY_TIMEOUT",
      metadata: { ended_at: new Date(NOW + IDLE).toISOString() },
    });
    expect(stage.primaryStore.session("session").end).toMatchObject({
      reason: "IDLE_TIMEOUT",
      at: NOW + IDLE,
      by: "system",
    });
    expect(stage.primaryStore.eventTypes()).toEqual(["SESSION_ENDED"]);
    expect(stage.settled).toHaveLength(1);
  });

  test.each<[string, (stage: ReturnType<typeof refreshStage>) => void]>([
    ["this replica", (stage) => stage.activity.record("session", NOW + 1000)],
    [
      "the hot store",
      (stage) => {
        stage.hotActivityAt = NOW + 1000;
      },
    ],
  ])("goes on when %s knows of a later use, and ends after that", async (_, know) => {
    const stage = refreshStage();
    know(stage);
    stage.now = NOW + IDLE + 999;
    await stage.use(1);
    const late = refreshStage();
    know(late);
    late.now = NOW + IDLE + 1000;
    await expect(late.use(1)).rejects.toMatchObject(reason("SESSION_INACTIVITY_TIMEOUT"));
    expect(late.primaryStore.session("session").end?.at).toBe(NOW + 1000 + IDLE);
  });

  test("past its maximum has expired, then, however much it is used", async () => {
    const stage = refreshStage({ lastActivityAt: MAXIMUM - 1000 });
    stage.now = MAXIMUM - 1;
    await stage.use(1);
    stage.now = MAXIMUM + 5;
    await expect(stage.use(2)).rejects.toMatchObject(reason("SESSION_EXPIRED"));
    expect(stage.primaryStore.session("session").end).toMatchObject({
      reason: "EXPIRED",
      at: MAXIMUM,
    });
    expect(stage.settled).toHaveLength(1);
  });

  test("R4: an access token ends with its session", async () => {
    const stage = refreshStage({ lastActivityAt: MAXIMUM - 5000 });
    stage.now = MAXIMUM - 5000;
    const { tokens, session } = await stage.use(1);
    expect(tokens.expiresIn).toBe(5);
    expect(session.accessExpiresAt).toBe(MAXIMUM);
  });
});
