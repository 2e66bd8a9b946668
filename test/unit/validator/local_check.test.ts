import { expect, test } from "vitest";
import { endedSessions } from "../../../src/validator/local/ended_sessions.js";
import { createFreshness } from "../../../src/validator/local/freshness.js";
import { knownSessions } from "../../../src/validator/local/known_sessions.js";
import { createLocalCheck } from "../../../src/validator/local/local_check.js";
import { createServerClock } from "../../../src/validator/local/server_clock.js";
import type { VerifiedToken } from "../../../src/validator/token/token_verifier.js";
import type { ValidSession } from "../../../src/validator/valid_session.js";
import { ValidatorError } from "../../../src/validator/validator_error.js";

const HOUR = 3_600_000;
const revoked = () => new ValidatorError("ACCESS_TOKEN_BLACKLISTED");

/** A check of one good token, by a validator that receives events while Curfew answers. */
const stage = (whileAsked: (ended: ReturnType<typeof endedSessions>) => void) => {
  const at = new Date();
  const later = new Date(at.getTime() + HOUR);
  const session: ValidSession = {
    userId: "u",
    username: "ada",
    roles: [],
    sessionId: "s",
    jti: "j",
    amr: [],
    issuedAt: at,
    expiresAt: later,
    authTime: at,
    lastActivityAt: at,
    idleExpiresAt: later,
    revision: 1n,
  };
  // The key is compared, and not used.
  const key = {} as VerifiedToken["key"];
  const exp = Math.floor(later.getTime() / 1000);
  const claims = { iss: "curfew", aud: [], sub: "u", sid: "s", jti: "j", iat: 1, exp, sexp: exp };
  const clock = createServerClock();
  clock.answered(performance.now(), Date.now());
  const freshness = createFreshness(clock, HOUR);
  freshness.heard(Date.now(), performance.now());
  const ended = endedSessions(2);
  return createLocalCheck({
    keys: { find: () => key },
    verify: async () => ({
      key,
      kid: "k",
      claims: { ...claims, auth_time: 1, amr: [], roles: [] },
    }),
    known: knownSessions(10),
    ended,
    clock,
    freshness,
    activity: {
      used: () => undefined,
      observeTimeout: () => undefined,
      flush: async () => undefined,
      close: () => undefined,
    },
    onlineCheck: {
      async check() {
        whileAsked(ended);
        return session;
      },
      close: () => undefined,
    },
    audience: "curfew",
    whenStale: "online",
    profileMaxAge: HOUR,
    onEnded: () => undefined,
  });
};

test("what Curfew called live is judged here from then on", async () => {
  const check = stage((ended) => ended.add("a", revoked, Number.POSITIVE_INFINITY));
  await check.check("token");
  expect(check.now("token")).toMatchObject({ userId: "u" });
});

test("L7: not if revocations were forgotten meanwhile: its own may be among them", async () => {
  const check = stage((ended) => {
    for (const id of ["s", "a", "b"]) ended.add(id, revoked, Number.POSITIVE_INFINITY);
  });
  await check.check("token");
  expect(check.now("token")).toBeUndefined();
});

test("L7: an end that was told before the answer came is the verdict", async () => {
  const check = stage((ended) => ended.add("s", revoked, Number.POSITIVE_INFINITY));
  await expect(check.check("token")).rejects.toMatchObject({ reason: "ACCESS_TOKEN_BLACKLISTED" });
});
