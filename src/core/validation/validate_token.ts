import type { AccessClaims } from "../../access_token/access_claims.js";
import { type CurfewError, fail } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { HotAsk, HotEntry } from "../ports/hot_store.js";
import type { TokenVerifier } from "../ports/token_verifier.js";
import type { LiveSessions } from "./live_sessions.js";
import type { SessionCheck } from "./session_check.js";

export interface ValidateInput {
  readonly accessToken: string;
  /** The audience the token must be for; empty: the configured one. */
  readonly audience: string;
  readonly skipActivity: boolean;
}

/** A valid token: its claims, and the current state of its session. */
export interface ValidToken {
  readonly claims: AccessClaims;
  readonly session: HotEntry;
}

/**
 * How far clocks of replicas may lie apart, in milliseconds. Just before a
 * session's maximum no answer is given until it has passed, so that no replica
 * says "valid" after another said "expired" (L2; the commit wait of Spanner).
 */
export const CLOCK_UNCERTAINTY_MS = 20;

export type ValidateToken = (input: ValidateInput) => Promise<ValidToken>;

/** Why a token cannot be good now, whatever its session is; undefined: it may be. */
const refusalOf = (
  claims: AccessClaims | undefined,
  { audience }: ValidateInput,
  now: number,
): CurfewError | undefined => {
  if (claims === undefined) return fail("ACCESS_TOKEN_INVALID");
  if (audience !== "" && !claims.aud.includes(audience))
    return fail("ACCESS_TOKEN_INVALID", { metadata: { claim: "aud" } });
  if (now >= claims.sexp * 1000) return fail("SESSION_EXPIRED");
  if (now >= claims.exp * 1000) return fail("ACCESS_TOKEN_EXPIRED");
  return undefined;
};

/** Milliseconds until a token may be judged; 0: now. */
const waitFor = ({ sexp }: AccessClaims, now: number): number => {
  const left = sexp * 1000 - now;
  return left <= CLOCK_UNCERTAINTY_MS ? left : 0;
};

/**
 * Checks whether an access token is valid at this moment. The checks and their order are the contract's; no store is
 * queried about a token past its time.
 */
export const validateToken = (deps: {
  verifier: Pick<TokenVerifier, "verify">;
  check: SessionCheck;
  clock: Clock;
}): ValidateToken => {
  const { verifier, check, clock } = deps;

  const judge = (claims: AccessClaims | undefined, input: ValidateInput): Promise<ValidToken> => {
    const now = clock.now();
    const refusal = refusalOf(claims, input, now);
    if (claims === undefined || refusal !== undefined) return Promise.reject(refusal);
    const wait = waitFor(claims, now);
    if (wait > 0)
      return clock.sleep(wait).then(() => {
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

/**
 * The same for many tokens: the plainly valid ones are found together, with a few promises for all instead of several
 * for each; every other token is validated as a single one.
 */
export type ValidateTokens = (
  inputs: readonly ValidateInput[],
) => Promise<readonly (ValidToken | Error)[]>;

/**
 * The same for many: what is plainly good is found out for all at once, with a
 * few promises in place of some for each; every other goes the way of a single one.
 */
export const validateTokens = (deps: {
  verifier: Pick<TokenVerifier, "verify">;
  live: LiveSessions;
  validate: ValidateToken;
  clock: Clock;
}): ValidateTokens => {
  const { verifier, live, validate, clock } = deps;

  /** The claims of a token that only its session can be against. */
  const plainClaims = (input: ValidateInput, now: number): AccessClaims | undefined => {
    const claims = verifier.verify(input.accessToken);
    if (claims === undefined || claims instanceof Promise) return undefined;
    const isPlain = refusalOf(claims, input, now) === undefined && waitFor(claims, now) === 0;
    return isPlain ? claims : undefined;
  };

  const alone = (input: ValidateInput) => validate(input).catch(asError);

  return async (inputs) => {
    const now = clock.now();
    const asks: HotAsk[] = [];
    const plain = inputs.map((input) => {
      const claims = plainClaims(input, now);
      if (claims === undefined) return alone(input);
      asks.push({ sessionId: claims.sid, now, touchAt: input.skipActivity ? 0 : now });
      return claims;
    });
    const entries = await live(asks);
    let asked = 0;
    const verdicts = inputs.map((input, i) => {
      const claims = plain[i];
      if (claims === undefined || claims instanceof Promise) return claims ?? alone(input);
      const session = entries[asked++];
      return session?.userId === claims.sub ? { claims, session } : alone(input);
    });
    // Promise.all would make promises of those that are none.
    return verdicts.every(isToken) ? verdicts : Promise.all(verdicts);
  };
};

const isToken = (verdict: ValidToken | Promise<unknown>): verdict is ValidToken =>
  !(verdict instanceof Promise);

const asError = (cause: unknown): Error =>
  cause instanceof Error ? cause : new Error(String(cause));
