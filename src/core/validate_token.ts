import type { AccessClaims } from "../access_token/access_claims.js";
import { fail } from "./errors.js";
import type { Clock } from "./ports/clock.js";
import type { HotEntry } from "./ports/hot_store.js";
import type { TokenVerifier } from "./ports/token_verifier.js";
import type { SessionCheck } from "./session_check.js";

export interface ValidateInput {
  readonly accessToken: string;
  /** The audience the token must be for; empty: the configured one. */
  readonly audience: string;
  readonly skipActivity: boolean;
}

/** A good token: what it says, and what is known of its session now. */
export interface ValidToken {
  readonly claims: AccessClaims;
  readonly session: HotEntry;
}

/**
 * How far clocks of replicas may lie apart, in milliseconds. Just before a
 * session's maximum no answer is given until it has passed, so that no replica
 * says "valid" after another said "expired" (L2; the commit wait of Spanner).
 */
const CLOCK_UNCERTAINTY_MS = 20;

export type ValidateToken = (input: ValidateInput) => Promise<ValidToken>;

/**
 * Says whether an access token is good at this moment. The checks and their
 * order are the contract's; no store is asked about a token that is past its time.
 */
export const validateToken = (deps: {
  verifier: Pick<TokenVerifier, "verify">;
  check: SessionCheck;
  clock: Clock;
}): ValidateToken => {
  const { verifier, check, clock } = deps;

  const judge = (claims: AccessClaims | undefined, input: ValidateInput): Promise<ValidToken> => {
    if (claims === undefined) return Promise.reject(fail("ACCESS_TOKEN_INVALID"));
    if (input.audience !== "" && !claims.aud.includes(input.audience))
      return Promise.reject(fail("ACCESS_TOKEN_INVALID", { metadata: { claim: "aud" } }));
    const now = clock.now();
    const left = claims.sexp * 1000 - now;
    if (left <= 0) return Promise.reject(fail("SESSION_EXPIRED"));
    if (now >= claims.exp * 1000) return Promise.reject(fail("ACCESS_TOKEN_EXPIRED"));
    if (left <= CLOCK_UNCERTAINTY_MS)
      return clock.sleep(left).then(() => {
        throw fail("SESSION_EXPIRED");
      });
    return check(claims.sid, input.skipActivity ? 0 : now).then((session) => {
      if (session.userId !== claims.sub) throw fail("SESSION_REVOKED_OR_INVALID");
      return { claims, session };
    });
  };

  return (input) => {
    const claims = verifier.verify(input.accessToken);
    return claims instanceof Promise
      ? claims.then((verified) => judge(verified, input))
      : judge(claims, input);
  };
};
