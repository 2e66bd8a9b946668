import { decodeCanonicalBase64url } from "./canonical_base64url.js";
import { parseStrictJsonObject } from "./strict_json.js";

/** The longest token that is looked at, in characters. */
export const MAX_TOKEN_LENGTH = 8192;

/** The only type of token that is written and accepted (RFC 9068 §2.1). */
export const ACCESS_TOKEN_TYPE = "at+jwt";

/** A token of the right form. Nothing in it is proved yet. */
export interface CompactToken {
  readonly alg: string;
  readonly kid: string;
  readonly payload: Buffer;
  readonly signature: Buffer;
}

/**
 * Splits a token into its parts (RFC 7515 §7.1). Returns undefined unless the token has the one canonical spelling and
 * its header has exactly `alg`, `kid` and `typ: at+jwt`: our tokens never carry a key, a URL or `crit` (RFC 8725 §3).
 */
export function parseCompactToken(token: string): CompactToken | undefined {
  if (token.length > MAX_TOKEN_LENGTH) {
    return undefined;
  }
  const parts = token.split(".");
  const [header, payload, signature] = parts.map(decodeCanonicalBase64url);
  if (parts.length !== 3 || !header || !payload || !signature) {
    return undefined;
  }
  const { alg, kid, typ, ...others } = parseStrictJsonObject(header) ?? {};
  if (typeof alg !== "string" || typeof kid !== "string" || typ !== ACCESS_TOKEN_TYPE) {
    return undefined;
  }
  return Object.keys(others).length === 0 ? { alg, kid, payload, signature } : undefined;
}
