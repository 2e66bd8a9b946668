import { describe, expect, test } from "vitest";
import { unavailable } from "../../../../src/core/errors.js";
import { answerableMs } from "../../../../src/core/login/unanswered_logins.js";
import { unansweredSweep } from "../../../../src/core/login/unanswered_sweep.js";
import type { SessionStore } from "../../../../src/core/ports/session_store.js";
import type { Session } from "../../../../src/core/session/session.js";
import { type TestCall, testCall } from "../../../support/test_call.js";
import { loginStage } from "../login_stage.js";
import { HOUR, NOW, SETTINGS, session } from "../samples.js";

const ANSWERABLE = answerableMs(SETTINGS.consistencyTimeoutMs);
const reason = (name: string) => ({ reason: name });
const one = { maxSessions: 1 };
const rejecting = { ...one, limitPolicy: "reject" } as const;

const LIVE = session({ id: "live", createdAt: NOW - HOUR, lastActivityAt: NOW - 1 });
/** A login that was committed by a process that died before it answered. */
const lost = (given: Partial<Session> = {}): Session => {
  const { createdAt = NOW - ANSWERABLE } = given;
  return session({
    id: "lost",
    createdAt,
    lastActivityAt: NOW - ANSWERABLE,
    refresh: {
      generation: 1,
      rotatedAt: createdAt,
      previousRotatedAt: createdAt,
      isUnanswered: true,
    },
    ...given,
  });
};

const loginAs = (stage: ReturnType<typeof loginStage>, call: TestCall) =>
  stage.login("right", "ada", { call });

/** Resolves when the background work has been tried. */
const settled = (stage: ReturnType<typeof loginStage>) =>
  stage.unanswered.flush().catch(() => undefined);

describe("O3 a login that is not answered OK leaves no session and evicts nobody", () => {
  test("its caller has gone before it: no password is checked, nothing is written", async () => {
    const stage = loginStage({ sessions: [LIVE], settings: one });
    const call = testCall();
    call.leave();
    await expect(loginAs(stage, call)).rejects.toMatchObject(reason("DEADLINE_EXCEEDED"));
    expect(stage.checked).toEqual([]);
    expect(stage.primaryStore.commits).toBe(0);
  });

  test("its caller goes away while the password is checked", async () => {
    const stage = loginStage({ sessions: [LIVE], settings: one });
    const call = testCall();
    stage.meanwhile = call.leave;
    await expect(loginAs(stage, call)).rejects.toMatchObject(reason("DEADLINE_EXCEEDED"));
    expect(stage.live()).toEqual(["live"]);
  });

  test("its caller goes away in its transaction", async () => {
    const call = testCall();
    const wrapStore = (store: SessionStore): SessionStore => ({
      ...store,
      transaction: (work, limits) =>
        store.transaction(async (tx) => {
          const result = await work(tx);
          call.leave();
          return result;
        }, limits),
    });
    const stage = loginStage({ sessions: [LIVE], settings: one, wrapStore });
    await expect(loginAs(stage, call)).rejects.toMatchObject(reason("DEADLINE_EXCEEDED"));
    expect(stage.live()).toEqual(["live"]);
    expect(stage.primaryStore.sessions()).toHaveLength(1);
  });

  test("its answer does not leave: the session is withdrawn", async () => {
    const stage = loginStage();
    const call = testCall();
    await loginAs(stage, call);
    call.leave();
    await settled(stage);
    expect(stage.live()).toEqual([]);
    expect(stage.primaryStore.sessions()[0]?.end).toMatchObject({
      reason: "LOGIN_UNANSWERED",
      by: "system",
    });
  });

  test("Postgres falls silent in the COMMIT, which takes effect: withdrawn when it is back", async () => {
    let isSilent = true;
    const wrapStore = (store: SessionStore): SessionStore => ({
      ...store,
      async transaction(work, limits) {
        const result = await store.transaction(work, limits);
        if (isSilent) throw unavailable();
        return result;
      },
    });
    const stage = loginStage({ wrapStore });
    await expect(loginAs(stage, testCall())).rejects.toMatchObject(
      reason("DEPENDENCY_UNAVAILABLE"),
    );
    isSilent = false;
    await settled(stage);
    expect(stage.live()).toEqual([]);
  });

  test("it could not be withdrawn yet: the next login puts it first, whatever the limit says", async () => {
    const stage = loginStage({ settings: rejecting });
    const call = testCall();
    await loginAs(stage, call);
    stage.primaryStore.isDown = true;
    call.leave();
    await settled(stage);
    stage.primaryStore.isDown = false;
    const { session: made, evicted } = await loginAs(stage, testCall());
    expect(evicted).toEqual([]);
    expect(stage.live()).toEqual([made.id]);
  });
});

test("an answer that was sent keeps its session", async () => {
  const stage = loginStage();
  const call = testCall();
  const { session: made } = await loginAs(stage, call);
  expect(made.refresh.isUnanswered).toBe(true);
  call.receive();
  await stage.answers.flush();
  await settled(stage);
  expect(stage.live()).toEqual([made.id]);
  expect(stage.primaryStore.session(made.id).refresh.isUnanswered).toBe(false);
});

describe("N4 the login of a process that died before it answered", () => {
  test.each([one, rejecting])("goes before a live session: %o", async (settings) => {
    const stage = loginStage({ sessions: [lost()], settings });
    const { session: made, evicted } = await stage.login();
    expect(stage.live()).toEqual([made.id]);
    expect(stage.primaryStore.session("lost").end?.reason).toBe("LOGIN_UNANSWERED");
    expect(evicted).toEqual([]);
  });

  test("spares the oldest of the live ones", async () => {
    const stage = loginStage({ sessions: [LIVE, lost()], settings: { maxSessions: 2 } });
    const { session: made } = await stage.login();
    expect(stage.live()).toEqual(["live", made.id]);
  });

  test("is left alone while there is room", async () => {
    const stage = loginStage({ sessions: [lost()], settings: { maxSessions: 2 } });
    const { session: made } = await stage.login();
    expect(stage.live()).toEqual(["lost", made.id]);
  });

  const noPhantoms: [string, Session, number][] = [
    ["may still be answered", lost({ createdAt: NOW - ANSWERABLE + 1 }), 0],
    ["was given again lately", lost({ refresh: { ...lost().refresh, rotatedAt: NOW - 1 } }), 0],
    ["was used, as Postgres knows", lost({ lastActivityAt: NOW }), 0],
    ["was used, as the hot store knows", lost(), NOW],
    ["was refreshed", lost({ refresh: { ...lost().refresh, generation: 2 } }), 0],
    ["was answered", lost({ refresh: { ...lost().refresh, isUnanswered: false } }), 0],
  ];
  test.each(noPhantoms)("is none if it %s", async (_, found, usedAt) => {
    const stage = loginStage({ sessions: [found], settings: rejecting });
    if (usedAt > 0) stage.hotActivity.set("lost", usedAt);
    await expect(stage.login()).rejects.toMatchObject(reason("SESSION_LIMIT_EXCEEDED"));
    expect(stage.live()).toEqual(["lost"]);
  });

  test("is none soon after an outage: its replica may not have noted the answer yet", async () => {
    const stage = loginStage({ sessions: [lost()], settings: rejecting });
    stage.steadyForMs = ANSWERABLE - 1;
    await expect(stage.login()).rejects.toMatchObject(reason("SESSION_LIMIT_EXCEEDED"));
    stage.steadyForMs = ANSWERABLE;
    await stage.login();
    expect(stage.primaryStore.session("lost").end?.reason).toBe("LOGIN_UNANSWERED");
  });

  test("is none if this process knows better, and could not write it down yet", async () => {
    const stage = loginStage({ settings: rejecting });
    const call = testCall();
    await loginAs(stage, call);
    call.receive();
    stage.now += ANSWERABLE;
    await expect(stage.login()).rejects.toMatchObject(reason("SESSION_LIMIT_EXCEEDED"));
  });

  test("is ended by the cleanup, unless it was used", async () => {
    const stage = loginStage({ sessions: [lost(), lost({ id: "used" }), LIVE] });
    const sweep = unansweredSweep({
      ...stage.primaryStore,
      unanswered: stage.unanswered,
      withRecentActivity: async (sessions) =>
        sessions.map((one) => (one.id === "used" ? { ...one, lastActivityAt: NOW } : one)),
      clock: { now: () => NOW, monotonic: () => 0, sleep: async () => undefined },
      consistencyTimeoutMs: SETTINGS.consistencyTimeoutMs,
    });
    expect(await sweep()).toBe(1);
    expect(stage.live()).toEqual(["used", "live"]);
    expect(await sweep()).toBe(0);
  });
});
