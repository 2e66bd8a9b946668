import { parseStrictJsonObject } from "./strict_json.js";

/** What is read of an access token (RFC 9068). Times are NumericDates, in seconds. */
export interface AccessClaims {
  readonly sub: string;
  readonly sid: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  /** When the session ends at the latest. */
  readonly sexp: number;
  readonly auth_time: number;
  readonly amr: readonly string[];
  readonly roles: readonly string[];
}

/** Who must have issued a token, and for whom. */
export interface ExpectedClaims {
  readonly issuer: string;
  readonly audience: string;
}

/**
 * Reads the claims of a token whose signature is right. Undefined when one is
 * missing or of another type, the issuer or audience is foreign, or the token
 * would outlive its session: the same that Curfew itself refuses.
 */
export function decodeAccessClaims(
  payload: Uint8Array,
  { issuer, audience }: ExpectedClaims,
): AccessClaims | undefined {
  const claims = parseStrictJsonObject(payload);
  if (claims === undefined || claims.iss !== issuer || "nbf" in claims) return undefined;
  const { sub, sid, jti, iat, exp, sexp, auth_time, amr, roles } = claims;
  const aud = typeof claims.aud === "string" ? [claims.aud] : claims.aud;
  const complete =
    isName(sub) &&
    isName(sid) &&
    isName(jti) &&
    isTime(iat) &&
    isTime(exp) &&
    isTime(sexp) &&
    isTime(auth_time) &&
    isNames(amr) &&
    isNames(roles) &&
    isNames(aud);
  if (!complete || !aud.includes(audience) || exp > sexp) return undefined;
  return { sub, sid, jti, iat, exp, sexp, auth_time, amr, roles };
}

const isName = (value: unknown): value is string => typeof value === "string" && value !== "";

const isNames = (value: unknown): value is string[] => Array.isArray(value) && value.every(isName);

const isTime = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
