import { describe, expect, test } from "vitest";
import { testCall } from "../../../support/test_call.js";
import { IDLE, MAXIMUM, refreshStage } from "../refresh_stage.js";
import { NOW, SETTINGS } from "../samples.js";

const GRACE = SETTINGS.graceMs;
const LONG = 10 * GRACE;
const reused = { reason: "REFRESH_TOKEN_REUSED" };

/** Generation 1 was exchanged by a call whose answer never left. */
const unansweredStage = async () => {
  const stage = refreshStage();
  const lost = testCall();
  await stage.use(1, lost);
  lost.leave();
  await stage.flushAnswers();
  return stage;
};

/** Repeats a generation as a caller who receives the answer. */
const useAndReceive = async (stage: ReturnType<typeof refreshStage>, generation: number) => {
  const call = testCall();
  const output = await stage.use(generation, call);
  call.receive();
  return output;
};

describe("O3 R2 a refresh whose answer never left", () => {
  test("is repeated at any later time, and gives the same token", async () => {
    const stage = await unansweredStage();
    stage.now = NOW + LONG;
    const { tokens } = await useAndReceive(stage, 1);
    expect(tokens.refreshToken).toBe("session/2/key");
    expect(stage.primaryStore.eventTypes()).not.toContain("REFRESH_REUSED");
  });

  test("R6 also when the process was killed before the answer", async () => {
    const stage = refreshStage();
    await stage.use(1, testCall());
    stage.crash();
    stage.now = NOW + LONG;
    expect((await useAndReceive(stage, 1)).tokens.refreshToken).toBe("session/2/key");
  });

  test("R4 extends neither the idle time nor the session's maximum", async () => {
    const idle = await unansweredStage();
    idle.now = NOW + IDLE;
    await expect(idle.use(1)).rejects.toMatchObject({ reason: "SESSION_INACTIVITY_TIMEOUT" });
    const old = await unansweredStage();
    old.hotActivityAt = MAXIMUM - 1;
    old.now = MAXIMUM;
    await expect(old.use(1)).rejects.toMatchObject({ reason: "SESSION_EXPIRED" });
  });

  test("ends with the first use of its successor: theft shows a generation later", async () => {
    const stage = await unansweredStage();
    // A thief repeats the stolen token, and receives its successor.
    const stolen = (await useAndReceive(stage, 1)).tokens.refreshToken;
    expect(stolen).toBe("session/2/key");
    await useAndReceive(stage, 2);
    await expect(stage.use(1)).rejects.toMatchObject(reused);
    expect(stage.primaryStore.session("session").end).toBeUndefined();
    await stage.flushAnswers();
    stage.now = NOW + GRACE;
    await expect(stage.use(1)).rejects.toMatchObject(reused);
    expect(stage.primaryStore.session("session").end?.reason).toBe("REFRESH_REUSE");
  });
});

describe.each([
  ["written down", true],
  ["still in memory", false],
])("R3 R4 once an answer was sent, which is %s", (_, isWritten) => {
  const settle = async (stage: ReturnType<typeof refreshStage>) => {
    if (isWritten) await stage.flushAnswers();
  };

  test("the grace time runs from it", async () => {
    const stage = await unansweredStage();
    stage.now = NOW + LONG;
    await useAndReceive(stage, 1);
    await settle(stage);
    stage.now = NOW + LONG + GRACE - 1;
    expect((await stage.use(1)).tokens.refreshToken).toBe("session/2/key");
    stage.now = NOW + LONG + GRACE;
    await expect(stage.use(1)).rejects.toMatchObject(reused);
    expect(stage.primaryStore.session("session").end?.reason).toBe("REFRESH_REUSE");
  });

  test("a later answer does not restart it", async () => {
    const stage = await unansweredStage();
    await useAndReceive(stage, 1);
    await settle(stage);
    stage.now = NOW + GRACE - 1;
    await useAndReceive(stage, 1);
    await settle(stage);
    stage.now = NOW + GRACE;
    await expect(stage.use(1)).rejects.toMatchObject(reused);
  });

  test("an answer of the next generation replaces it", async () => {
    const stage = await unansweredStage();
    await useAndReceive(stage, 1);
    await settle(stage);
    const lost = testCall();
    await stage.use(2, lost);
    lost.leave();
    await settle(stage);
    stage.now = NOW + LONG;
    expect((await useAndReceive(stage, 2)).tokens.refreshToken).toBe("session/3/key");
  });
});

test("O3 a refresh whose caller has gone before it is neither begun nor recorded", async () => {
  const stage = refreshStage();
  const gone = testCall();
  gone.leave();
  await expect(stage.use(1, gone)).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  expect(stage.primaryStore.commits).toBe(0);
  expect(stage.signed).toBe(0);
});

test("answers are kept while the store is away, and written when it is back", async () => {
  const stage = refreshStage();
  await useAndReceive(stage, 1);
  stage.primaryStore.isDown = true;
  await expect(stage.flushAnswers()).rejects.toMatchObject({ reason: "DEPENDENCY_UNAVAILABLE" });
  stage.primaryStore.isDown = false;
  await stage.flushAnswers();
  expect(stage.primaryStore.session("session").refresh).toMatchObject({
    generation: 2,
    isUnanswered: false,
  });
});
