import {
  type AccessClaims,
  decodeAccessClaims,
  type ExpectedClaims,
} from "../../access_token/access_claims.js";
import { MAX_TOKEN_LENGTH, parseCompactToken } from "../../access_token/compact_token.js";
import { isSignedBy } from "../../access_token/signature.js";
import type { KeySet, VerificationKey } from "./key_set.js";

/** A token that is right in form, signature and claims. */
export interface VerifiedToken {
  readonly key: VerificationKey;
  readonly kid: string;
  readonly claims: AccessClaims;
}

/**
 * The result of a check without a call to Curfew. `unknown_key` means that the key of the token is not published as far
 * as this process knows; Curfew has to decide.
 */
export type Verification = VerifiedToken | "invalid" | "unknown_key";

export type VerifyToken = (token: string) => Promise<Verification>;

/** Whether a token can be one at all: nothing longer is looked at. */
export const hasTokenLength = (token: string): boolean =>
  token.length > 0 && token.length <= MAX_TOKEN_LENGTH;

/** Verifies access tokens (RFC 7519 §7.2, RFC 8725, RFC 9068 §4) exactly as Curfew does. */
export const createTokenVerifier =
  (keys: Pick<KeySet, "find" | "refetch">, expected: ExpectedClaims): VerifyToken =>
  async (token) => {
    const form = parseCompactToken(token);
    if (form === undefined) return "invalid";
    let key = keys.find(form.kid);
    if (key === undefined) {
      await keys.refetch();
      key = keys.find(form.kid);
    }
    if (key === undefined) return "unknown_key";
    if (!(await isSignedBy(key, token, form))) return "invalid";
    const claims = decodeAccessClaims(form.payload, expected);
    return claims === undefined ? "invalid" : { key, kid: form.kid, claims };
  };
