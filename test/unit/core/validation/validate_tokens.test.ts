import { describe, expect, test } from "vitest";
import type { AccessClaims } from "../../../../src/access_token/access_claims.js";
import { CurfewError, fail, unavailable } from "../../../../src/core/errors.js";
import type { HotAnswer, HotAsk, HotEntry, Lease } from "../../../../src/core/ports/hot_store.js";
import { activityLog } from "../../../../src/core/session/activity_log.js";
import { liveSessions } from "../../../../src/core/validation/live_sessions.js";
import {
  type ValidateInput,
  validateTokens,
} from "../../../../src/core/validation/validate_token.js";
import { goodClaims, NOW } from "../samples.js";

const SECOND = Math.floor(NOW / 1000);
const LEASE: Lease = { serverIds: ["s1"], epochs: ["1"] };

const claimsOf = (token: string, change: Partial<AccessClaims> = {}): AccessClaims =>
  goodClaims({ sub: `user of ${token}`, sid: token, jti: token, aud: ["curfew"], ...change });
const entryOf = (token: string): HotEntry => ({
  sessionId: token,
  userId: `user of ${token}`,
  username: "ada",
  roles: [],
  expiresAt: NOW + 1_000_000,
  lastActivityAt: NOW,
});

/** Tokens are their session's name; those named otherwise in `change` are special. */
const stage = (
  change: Record<string, Partial<AccessClaims> | "unknown" | "new"> = {},
  hotAnswer: (ask: HotAsk) => HotAnswer = ({ sessionId }) => ({
    kind: "live",
    entry: entryOf(sessionId),
  }),
) => {
  const seen = {
    questions: [] as (readonly HotAsk[])[],
    alone: [] as string[],
    suspicions: 0,
    lease: LEASE as Lease | undefined,
    holds: true,
    isHotDown: false,
  };
  const activity = activityLog({ touch: async () => [] });
  const live = liveSessions({
    hot: {
      async checkAll(asks) {
        seen.questions.push(asks);
        if (seen.isHotDown) throw unavailable("down");
        return asks.map(hotAnswer);
      },
    },
    cacheLease: {
      lease: () => seen.lease,
      holds: () => seen.holds,
      suspend: () => {
        seen.suspicions += 1;
        seen.holds = false;
      },
    },
    activity,
  });
  const validate = validateTokens({
    verifier: {
      verify(token) {
        const special = change[token];
        if (special === "unknown") return undefined;
        if (special === "new") return Promise.resolve(claimsOf(token));
        return claimsOf(token, special);
      },
    },
    live,
    async validate({ accessToken }) {
      seen.alone.push(accessToken);
      throw fail("SESSION_REVOKED_OR_INVALID");
    },
    clock: { now: () => NOW, monotonic: () => 0, sleep: async () => undefined },
  });
  const ask = (...tokens: (string | Partial<ValidateInput>)[]) =>
    validate(
      tokens.map((token) => ({
        accessToken: "a",
        audience: "",
        skipActivity: false,
        ...(typeof token === "string" ? { accessToken: token } : token),
      })),
    );
  return { ask, seen, activity };
};

const brief = (verdicts: Awaited<ReturnType<ReturnType<typeof stage>["ask"]>>) =>
  verdicts.map((verdict) =>
    verdict instanceof CurfewError
      ? verdict.reason
      : verdict instanceof Error
        ? "?"
        : verdict.claims.sid,
  );

describe("the verdicts on many tokens", () => {
  test("of live sessions take one question, and count as uses now", async () => {
    const { ask, seen, activity } = stage();
    const verdicts = await ask("a", "b", { accessToken: "c", skipActivity: true });
    expect(verdicts[1]).toEqual({ claims: claimsOf("b"), session: entryOf("b") });
    expect(brief(verdicts)).toEqual(["a", "b", "c"]);
    expect(seen.questions).toEqual([
      [
        { sessionId: "a", now: NOW, touchAt: NOW },
        { sessionId: "b", now: NOW, touchAt: NOW },
        { sessionId: "c", now: NOW, touchAt: 0 },
      ],
    ]);
    expect(seen.alone).toEqual([]);
    expect([activity.pending("a"), activity.pending("c")]).toEqual([NOW, 0]);
  });

  test("of none are none", async () => {
    expect(await stage().ask()).toEqual([]);
  });

  test.each<[string, Partial<AccessClaims> | "unknown" | "new"]>([
    ["unknown", "unknown"],
    ["not yet verified", "new"],
    ["past its time", { exp: SECOND - 1 }],
    ["past its session's time", { sexp: SECOND - 1 }],
    ["just before its session's time", { sexp: (NOW + 10) / 1000 }],
  ])("leave what is %s to be judged alone, in its place", async (_what, special) => {
    const { ask, seen } = stage({ odd: special });
    expect(brief(await ask("a", "odd", "b"))).toEqual(["a", "SESSION_REVOKED_OR_INVALID", "b"]);
    expect(seen.alone).toEqual(["odd"]);
    expect(seen.questions.flat().map(({ sessionId }) => sessionId)).toEqual(["a", "b"]);
  });

  test("leave a token for another audience to be judged alone", async () => {
    const { ask, seen } = stage();
    await ask({ audience: "billing" }, { audience: "curfew" });
    expect(seen.alone).toEqual(["a"]);
    expect(seen.questions.flat()).toHaveLength(1);
  });

  test.each<[string, HotAnswer]>([
    [
      "ended",
      { kind: "ended", userId: "u", end: { reason: "ADMIN", at: 1, by: "", revision: 1n } },
    ],
    ["unknown", { kind: "unknown", fillToken: "t", lastActivityAt: 0 }],
    ["somebody else's", { kind: "live", entry: entryOf("another") }],
  ])("leave a session that is %s to be judged alone", async (_what, answer) => {
    const { ask, seen } = stage({}, ({ sessionId }) =>
      sessionId === "odd" ? answer : { kind: "live", entry: entryOf(sessionId) },
    );
    expect(brief(await ask("odd", "b"))).toEqual(["SESSION_REVOKED_OR_INVALID", "b"]);
    expect(seen.alone).toEqual(["odd"]);
  });

  test("L3: without a lease, after its loss, and without Redis, all are judged alone", async () => {
    const none = stage();
    none.seen.lease = undefined;
    await none.ask("a", "b");
    expect([none.seen.questions.length, none.seen.alone]).toEqual([0, ["a", "b"]]);

    const lost = stage();
    lost.seen.holds = false;
    await lost.ask("a", "b");
    expect([lost.activity.pending("a"), lost.seen.alone]).toEqual([0, ["a", "b"]]);

    const down = stage();
    down.seen.isHotDown = true;
    await down.ask("a", "b");
    expect([down.seen.suspicions, down.seen.alone]).toEqual([1, ["a", "b"]]);
  });
});
