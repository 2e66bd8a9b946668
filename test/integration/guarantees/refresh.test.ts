import { describe, expect, test } from "vitest";
import type { RefreshOutput } from "../../../src/core/refresh/refresh_tokens.js";
import {
  type CoreReplica,
  makeUser,
  outcomeOf,
  signIn,
  signOut,
  verdictOf,
} from "../../support/core_replica.js";
import { auditTrail } from "./audit_trail.js";
import { setUpTwoReplicas } from "./two_replicas.js";

const GRACE_MS = 10_000;
const IDLE_MS = 60_000;
const REUSED = "REFRESH_TOKEN_REUSED";
const GONE = "SESSION_REVOKED_OR_INVALID";
const HOUR_MS = 3_600_000;

const replicas = setUpTwoReplicas({ settings: { graceMs: GRACE_MS, idleTimeoutMs: IDLE_MS } });

const newSession = async (replica: CoreReplica) => {
  const { tokens, session } = await signIn(replica, (await makeUser(replica)).username);
  return { ...tokens, sessionId: session.id };
};

const refresh = (replica: CoreReplica, refreshToken: string): Promise<RefreshOutput> =>
  replica.core.refreshTokens({ refreshToken, ip: "192.0.2.1" });

/** The successor of a refresh token. */
const next = async (replica: CoreReplica, refreshToken: string): Promise<string> =>
  (await refresh(replica, refreshToken)).tokens.refreshToken;

const refusalOf = (replica: CoreReplica, refreshToken: string): Promise<string> =>
  outcomeOf(refresh(replica, refreshToken));

const reuseEvents = async (sessionId: string) =>
  (await auditTrail(replicas.a, { session_id: sessionId })).filter(
    ({ type }) => type === "REFRESH_REUSED",
  );

describe("R1 R2 one generation, one successor", () => {
  test("R1 50 parallel uses over two replicas make exactly one", async () => {
    const { a, b } = replicas;
    const { refreshToken, sessionId } = await newSession(a);
    const uses = Array.from({ length: 50 }, (_, i) => refresh(i % 2 === 0 ? a : b, refreshToken));
    const outputs = await Promise.all(uses);
    expect(new Set(outputs.map(({ tokens }) => tokens.refreshToken)).size).toBe(1);
    expect((await a.ports.store.get(sessionId))?.refresh.generation).toBe(2);
    for (const { tokens, session } of outputs) {
      expect(session.id).toBe(sessionId);
      expect(await verdictOf(b, tokens.accessToken)).toBe("valid");
    }
    const events = await auditTrail(a, { session_id: sessionId, type: "REFRESHED" });
    expect(events.filter(({ metadata }) => metadata.repeated === undefined)).toHaveLength(1);
    // D7: one for the repetitions of a generation, by each replica.
    expect(events.length).toBeLessThanOrEqual(3);
  });

  test("R2 a lost answer is given again, by any replica, until the end of the grace time", async () => {
    const { a, b } = replicas;
    const { refreshToken } = await newSession(a);
    const successor = await next(a, refreshToken);
    for (const replica of [a, b, a]) {
      replicas.advance(GRACE_MS / 4);
      expect(await next(replica, refreshToken)).toBe(successor);
    }
    const restarted = await replicas.start();
    restarted.advance((3 * GRACE_MS) / 4);
    expect(await next(restarted, refreshToken)).toBe(successor);
    expect(await next(b, successor)).not.toBe(successor);
  });
});

describe("R3 a refresh token that comes back", () => {
  test("R3 within the grace time but after its successor's use: refused, and the session lives", async () => {
    const { a, b } = replicas;
    const { refreshToken, sessionId, accessToken } = await newSession(a);
    const successor = await next(a, refreshToken);
    const newest = await next(b, successor);
    expect(await refusalOf(b, refreshToken)).toBe(REUSED);
    expect(await reuseEvents(sessionId)).toMatchObject([{ reason: "refuse" }]);
    expect(await verdictOf(a, accessToken)).toBe("valid");
    // No user was logged out, and the duplicate changed nothing.
    expect(await next(a, successor)).toBe(newest);
    expect(await next(b, newest)).not.toBe(newest);
  });

  const ENDING_REUSES: readonly {
    name: string;
    present: () => Promise<[string, string, string]>;
  }[] = [
    {
      name: "after the grace time",
      async present() {
        const session = await newSession(replicas.a);
        await next(replicas.a, session.refreshToken);
        replicas.advance(GRACE_MS);
        return [session.refreshToken, session.sessionId, session.accessToken];
      },
    },
    {
      name: "an older generation, however fast",
      async present() {
        const { a, b } = replicas;
        const session = await newSession(a);
        await next(a, await next(b, await next(a, session.refreshToken)));
        return [session.refreshToken, session.sessionId, session.accessToken];
      },
    },
    {
      name: "after the grace time and its successor's use",
      async present() {
        const { a, b } = replicas;
        const session = await newSession(a);
        const successor = await next(a, session.refreshToken);
        replicas.advance(GRACE_MS);
        await next(b, successor);
        return [session.refreshToken, session.sessionId, session.accessToken];
      },
    },
  ];

  test.each(ENDING_REUSES)(
    "R3 $name: the session ends, with exactly one event",
    async ({ present }) => {
      const { a, b } = replicas;
      const [refreshToken, sessionId, accessToken] = await present();
      const uses = Array.from({ length: 20 }, (_, i) =>
        refusalOf(i % 2 === 0 ? a : b, refreshToken),
      );
      const outcomes = (await Promise.all(uses)).sort();
      expect(outcomes).toEqual([REUSED, ...Array<string>(19).fill(GONE)]);
      expect(await verdictOf(b, accessToken)).toBe("ACCESS_TOKEN_BLACKLISTED");
      const [reuse, ...more] = await reuseEvents(sessionId);
      expect(more).toEqual([]);
      const revocations = await auditTrail(a, { session_id: sessionId, type: "SESSION_ENDED" });
      expect(revocations).toMatchObject([
        { reason: "REFRESH_REUSE", transaction: reuse?.transaction },
      ]);
    },
  );
});

describe("R4 the grace time", () => {
  test("R4 runs from the first use and never restarts", async () => {
    const { a, b } = replicas;
    const { refreshToken } = await newSession(a);
    const successor = await next(a, refreshToken);
    replicas.advance(GRACE_MS - 1000);
    expect(await next(b, refreshToken)).toBe(successor);
    replicas.advance(1000);
    expect(await refusalOf(a, refreshToken)).toBe(REUSED);
  });

  test("R4 never reaches the grandparent", async () => {
    const { a, b } = replicas;
    const { refreshToken } = await newSession(a);
    const child = await next(a, refreshToken);
    const grandchild = await next(b, child);
    expect(await refusalOf(a, refreshToken)).toBe(REUSED);
    expect(await next(a, child)).toBe(grandchild);
    await next(a, grandchild);
    expect(await refusalOf(b, refreshToken)).toBe(REUSED);
    expect(await refusalOf(b, child)).toBe(GONE);
  });

  test("R4 extends no inactivity timeout", async () => {
    const { a, b } = replicas;
    const { refreshToken } = await newSession(a);
    const successor = await next(a, refreshToken);
    replicas.advance(GRACE_MS - 1000);
    await next(b, refreshToken);
    replicas.advance(IDLE_MS - GRACE_MS + 1000);
    expect(await refusalOf(b, successor)).toBe("SESSION_INACTIVITY_TIMEOUT");
  });

  test("R4 extends no absolute expiry", async () => {
    const short = { maxLifetimeMs: 30_000, accessTtlMs: 25_000 };
    const replica = await replicas.start({ settings: { ...short, graceMs: GRACE_MS } });
    const { refreshToken, sessionId } = await newSession(replica);
    const expiresAt = (await replica.ports.store.get(sessionId))?.expiresAt ?? 0;
    replica.advance(20_000);
    const first = await refresh(replica, refreshToken);
    replica.advance(8000);
    const again = await refresh(replica, refreshToken);
    for (const { tokens, session } of [first, again]) {
      expect(session.expiresAt).toBe(expiresAt);
      expect(session.accessExpiresAt).toBe(expiresAt);
      expect(tokens.expiresIn).toBeLessThanOrEqual(11);
    }
    replica.advance(3000);
    expect(await verdictOf(replica, again.tokens.accessToken)).toBe("SESSION_EXPIRED");
    expect(await refusalOf(replica, again.tokens.refreshToken)).toBe("SESSION_EXPIRED");
  });
});

test("R5 a refresh racing a revocation leaves no live token", async () => {
  const { a, b } = replicas;
  let granted = 0;
  for (let round = 0; round < 20; round++) {
    const { refreshToken, accessToken } = await newSession(a);
    const [outputs] = await Promise.all([
      Promise.allSettled([a, b, a, b].map((replica) => refresh(replica, refreshToken))),
      signOut(round % 2 === 0 ? a : b, accessToken),
    ]);
    for (const output of outputs) {
      if (output.status === "rejected") continue;
      granted += 1;
      const { tokens } = output.value;
      expect(await verdictOf(a, tokens.accessToken)).toBe("ACCESS_TOKEN_BLACKLISTED");
      expect(await refusalOf(b, tokens.refreshToken)).toBe(GONE);
    }
    expect(await refusalOf(a, refreshToken)).toBe(GONE);
  }
  expect(granted).toBeGreaterThan(0);
});

describe("R7 order is a counter, never a clock", () => {
  test("R7 replicas whose wall clocks differ by hours, and restarts, agree", async () => {
    const early = await replicas.start({ wallSkewMs: -HOUR_MS });
    const late = await replicas.start({ wallSkewMs: HOUR_MS });
    const { refreshToken, accessToken, sessionId } = await newSession(late);
    const successor = await next(early, refreshToken);
    expect(await next(late, refreshToken)).toBe(successor);
    expect(await verdictOf(early, accessToken)).toBe("valid");
    const newest = await next(late, successor);
    await Promise.all([early.close(), late.close()]);
    const restarted = await replicas.start({ wallSkewMs: -HOUR_MS });
    expect(await refusalOf(restarted, refreshToken)).toBe(REUSED);
    expect(await verdictOf(restarted, accessToken)).toBe("valid");
    expect(await next(restarted, successor)).toBe(newest);
    expect(await reuseEvents(sessionId)).toHaveLength(1);
  });

  test("R7 a clock that steps back never makes an old generation new", async () => {
    const steps = await replicas.start();
    const { refreshToken, accessToken } = await newSession(steps);
    const successor = await next(steps, refreshToken);
    steps.advance(-HOUR_MS);
    expect(await next(steps, refreshToken)).toBe(successor);
    const newest = await next(steps, successor);
    steps.advance(-HOUR_MS);
    expect(await refusalOf(steps, refreshToken)).toBe(REUSED);
    expect(await next(steps, newest)).not.toBe(newest);
    expect(await verdictOf(steps, accessToken)).toBe("valid");
    expect(await refusalOf(steps, refreshToken)).toBe(REUSED);
    expect(await verdictOf(steps, accessToken)).toBe("ACCESS_TOKEN_BLACKLISTED");
  });
});
