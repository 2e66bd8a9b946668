/**
 * What an access token says (RFC 9068, RFC 8176 for `amr`). Times are
 * NumericDate: whole seconds since the epoch.
 */
export interface AccessClaims {
  /** Issuer. */
  readonly iss: string;
  /** Audiences, at least one. */
  readonly aud: readonly string[];
  /** User id. */
  readonly sub: string;
  /** Session id. */
  readonly sid: string;
  /** Id of this one token. */
  readonly jti: string;
  readonly iat: number;
  /** When the token ends; never after `sexp`. */
  readonly exp: number;
  /** When the session ends at the latest. */
  readonly sexp: number;
  /** When the user last proved who they are. */
  readonly auth_time: number;
  /** How they proved it, for example `pwd`. */
  readonly amr: readonly string[];
  readonly roles: readonly string[];
}

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
