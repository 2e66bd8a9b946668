import { describe, expect, test } from "vitest";
import { overloaded } from "../../../../src/core/errors.js";
import type { SessionStore } from "../../../../src/core/ports/session_store.js";
import { refreshStage } from "../refresh_stage.js";
import { NOW } from "../samples.js";

type Stage = ReturnType<typeof refreshStage>;

/** A stage that counts the queries to the primary store. */
const counted = (given: Parameters<typeof refreshStage>[0] = {}) => {
  const asked = { times: 0, fails: 0 };
  const stage = refreshStage(given, (store) => ({
    ...store,
    async transaction(work: Parameters<SessionStore["transaction"]>[0], call) {
      asked.times += 1;
      const result = await store.transaction(async (tx) => {
        const value = await work(tx);
        if (asked.fails-- > 0) throw overloaded();
        return value;
      }, call);
      return result as never;
    },
  }));
  return { stage, asked };
};

/** Returns how many of the calls had which outcome. */
const outcomes = async (calls: number, present: () => Promise<unknown>) => {
  const counts = new Map<string, number>();
  for (let index = 0; index < calls; index += 1) {
    const outcome = await present().then(
      () => "OK",
      (failure: { reason: string; metadata: Record<string, string> }) =>
        [failure.reason, failure.metadata.limit].filter(Boolean).join(" "),
    );
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  return counts;
};

const reused = (stage: Stage) =>
  stage.primaryStore.events().filter(({ type }) => type === "REFRESH_REUSED").length;
const repeated = (stage: Stage) =>
  stage.primaryStore.events().filter(({ metadata }) => metadata?.repeated === "true").length;

describe("D8 a flood of refresh tokens", () => {
  test("that are not ours asks the primary store nothing, writes nothing, and is refused for its source", async () => {
    const { stage, asked } = counted();
    const counts = await outcomes(5000, () => stage.present("forged", { ip: "2001:db8::1" }));
    expect(counts.get("REFRESH_TOKEN_INVALID")).toBeLessThan(1000);
    expect(counts.get("TOO_MANY_ATTEMPTS bad_refresh_tokens_per_source")).toBeGreaterThan(4000);
    expect(asked.times).toBe(0);
    expect(stage.primaryStore.events()).toEqual([]);
    // D9: one network is one source. Another one is not refused with it.
    const from = (ip: string) => stage.present("forged", { ip });
    await expect(from("2001:db8::2")).rejects.toMatchObject({ reason: "TOO_MANY_ATTEMPTS" });
    await expect(from("2001:db8:0:1::1")).rejects.toMatchObject({
      reason: "REFRESH_TOKEN_INVALID",
    });
    await expect(from("2001:db8::1")).rejects.toMatchObject({
      retryAfterMs: expect.toSatisfy((ms: number) => ms > 0 && ms < 60_000),
    });
    stage.now += 60_000;
    await expect(from("2001:db8::1")).rejects.toMatchObject({ reason: "REFRESH_TOKEN_INVALID" });
  });

  test("D10 costs the others of the same address nothing: their own tokens are exchanged", async () => {
    const { stage } = counted();
    await outcomes(5000, () => stage.present("forged"));
    expect((await stage.use(1)).tokens.refreshToken).toBe("session/2/key");
  });

  test("of a session that has ended asks the primary store once, and gives one verdict, within the source's limit", async () => {
    const end = { reason: "LOGOUT", at: NOW - 1, by: "user", revision: 7n } as const;
    const { stage, asked } = counted({ end });
    const counts = await outcomes(5000, () => stage.use(1));
    expect([...counts.keys()]).toEqual([
      "SESSION_REVOKED_OR_INVALID",
      "TOO_MANY_ATTEMPTS bad_refresh_tokens_per_source",
    ]);
    expect(asked.times).toBe(1);
    // A minute later the store is queried again.
    stage.now += 60_001;
    await expect(stage.use(1)).rejects.toMatchObject({ reason: "SESSION_REVOKED_OR_INVALID" });
    expect(asked.times).toBe(2);
  });

  test("of a session that nobody knows asks the primary store once", async () => {
    const { stage, asked } = counted();
    await outcomes(50, () => stage.present("nobody/1/key"));
    expect(asked.times).toBe(1);
  });

  test("that is ended as a reuse gives the verdict of its end from then on (R3)", async () => {
    const { stage } = counted();
    await stage.use(1);
    await stage.use(2);
    stage.now += 3_600_000 / 4;
    await expect(stage.use(1)).rejects.toMatchObject({ reason: "REFRESH_TOKEN_REUSED" });
    await expect(stage.use(1)).rejects.toMatchObject({
      reason: "SESSION_REVOKED_OR_INVALID",
      metadata: { end_reason: "REFRESH_REUSE" },
    });
    expect(reused(stage)).toBe(1);
  });

  test("of one live session is refused beyond what its tabs can need; others are not", async () => {
    const { stage, asked } = counted();
    await stage.use(1);
    const counts = await outcomes(2000, () => stage.use(1));
    expect(counts.get("OK")).toBeGreaterThan(200);
    expect(counts.get("OK")).toBeLessThan(500);
    expect(counts.get("TOO_MANY_ATTEMPTS refreshes_per_session")).toBeGreaterThan(1500);
    expect(asked.times).toBe(1 + (counts.get("OK") ?? 0));
    await expect(stage.present("nobody/1/key")).rejects.toMatchObject({
      reason: "SESSION_REVOKED_OR_INVALID",
    });
    // O3: that it was refused is no use, and no reuse: the newest token is good as soon as there is room.
    stage.now += 1000;
    expect((await stage.use(2)).tokens.refreshToken).toBe("session/3/key");
  });

  test("an outage is no answer to remember", async () => {
    const { stage } = counted();
    stage.primaryStore.isDown = true;
    await expect(stage.use(1)).rejects.toMatchObject({ reason: "DEPENDENCY_UNAVAILABLE" });
    stage.primaryStore.isDown = false;
    expect((await stage.use(1)).tokens.refreshToken).toBe("session/2/key");
  });
});

describe("D7 repetitions of a token within its grace time write one event for each generation", () => {
  test("one after the other", async () => {
    const { stage } = counted();
    await stage.use(1);
    await outcomes(50, () => stage.use(1));
    expect(repeated(stage)).toBe(1);
    await stage.use(2);
    await outcomes(50, () => stage.use(2));
    expect(repeated(stage)).toBe(2);
    expect(stage.primaryStore.eventTypes()).toEqual(new Array(4).fill("REFRESHED"));
  });

  test("at once", async () => {
    const { stage } = counted();
    await stage.use(1);
    await Promise.all(Array.from({ length: 50 }, () => stage.use(1)));
    expect(repeated(stage)).toBe(1);
  });

  test("which the next one writes if it was not committed", async () => {
    const { stage, asked } = counted();
    await stage.use(1);
    asked.fails = 1;
    await expect(stage.use(1)).rejects.toMatchObject({ reason: "OVERLOADED" });
    expect(repeated(stage)).toBe(0);
    await stage.use(1);
    expect(repeated(stage)).toBe(1);
  });
});
