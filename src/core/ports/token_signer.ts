import type { AccessClaims } from "../../access_token/access_claims.js";

/** Writes access tokens. */
export interface TokenSigner {
  /**
   * Signs with the current key. The header has `alg`, `kid` and `typ: at+jwt`;
   * a single audience is written as a string.
   *
   * Rejects with a RangeError when the token would be longer than verifiers take.
   */
  sign(claims: AccessClaims): Promise<string>;
}
