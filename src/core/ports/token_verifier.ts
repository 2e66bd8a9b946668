import type { AccessClaims } from "../../access_token/access_claims.js";

/** Reads access tokens. */
export interface TokenVerifier {
  /**
   * The claims, when the token's form, signature and claims are right and its
   * issuer and audience are the configured ones; else undefined. Says nothing
   * of the clock, the session, or the audience of one request: those are judged
   * on every call.
   *
   * Synchronous for a malformed token and for one verified before, a promise
   * otherwise. The claims are shared between callers and frozen. Rejects, as
   * the key store does, only when it takes that store to know the token's key.
   */
  verify(token: string): AccessClaims | undefined | Promise<AccessClaims | undefined>;
  /**
   * Why `verify` gave no claims, in words for an operator: it says which of the
   * checks failed. For explanations only. Rejects as `verify` does.
   */
  describeRefusal(token: string): Promise<string>;
}
