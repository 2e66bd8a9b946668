import type { TrustedIssuer } from "../exchange/trusted_issuer.js";

/** The claims that the caller of an exchange makes about its token. */
export interface SubjectTokenExpectations {
  /** `id_token`: only an ID token will do. `jwt`: any JWT that the issuer made for one of the audiences. */
  readonly type: "id_token" | "jwt";
  /** The nonce of the caller's own sign-in. Absent: the caller compares it, or there was none. */
  readonly nonce?: string | undefined;
}

/** The user whom a subject token names as signed in. Times are milliseconds since the epoch. */
export interface SubjectToken {
  readonly issuer: TrustedIssuer;
  /** `sub`, at most 255 bytes of UTF-8. */
  readonly subject: string;
  /** Stands for this one token: its issuer and `jti`, or its content. A SHA-256, so nothing of the token can be read from it. */
  readonly fingerprint: string;
  /** No token of this fingerprint is accepted from then on. */
  readonly acceptedUntil: number;
  /** When the user signed in at the issuer; never later than now. */
  readonly authTime: number;
  readonly acr: string | undefined;
  readonly amr: readonly string[];
  /** The user name in the token; undefined if there is none. */
  readonly username: string | undefined;
  readonly displayName: string | undefined;
  readonly roles: readonly string[] | undefined;
}

/** Checks ID tokens of trusted issuers. */
export interface SubjectTokenVerifier {
  /**
   * Resolves to the claims of the token, if a trusted issuer issued it for one of its audiences and it is valid now.
   * Does not check whether the token was used before.
   *
   * @throws CurfewError SUBJECT_TOKEN_INVALID, whose metadata `check` names the
   * check that failed; DEPENDENCY_UNAVAILABLE when the issuer's keys cannot be read
   */
  verify(token: string, expectations: SubjectTokenExpectations): Promise<SubjectToken>;
}
