import { subjectTokenInvalid } from "../core/exchange/subject_token_invalid.js";
import type { TrustedIssuer } from "../core/exchange/trusted_issuer.js";
import type { SubjectTokenExpectations } from "../core/ports/subject_token_verifier.js";

/** How far an issuer's clock may be from ours, in milliseconds. */
export const SKEW_MS = 5000;
/** OpenID Connect Core 1.0, section 2: a subject has at most 255 characters, which are ASCII. */
const MAX_SUBJECT_BYTES = 255;
const MAX_JTI_LENGTH = 1024;
/** The last second of the year 9999, which every store can hold. */
const LATEST_SECONDS = 253_402_300_799;

/** The claims that decide whether a token is good. Times are milliseconds since the epoch. */
export interface RegisteredClaims {
  readonly subject: string;
  readonly jti: string | undefined;
  readonly expiresAt: number;
  readonly authTime: number;
}

type Payload = Readonly<Record<string, unknown>>;

/**
 * Checks the claims of a token whose signature is right (OpenID Connect Core
 * 1.0, section 3.1.3.7).
 *
 * @throws CurfewError SUBJECT_TOKEN_INVALID
 */
export const registeredClaims = (
  payload: Payload,
  issuer: TrustedIssuer,
  { type, nonce, now }: SubjectTokenExpectations & { readonly now: number },
): RegisteredClaims => {
  requireAudience(payload, issuer);
  requireType(payload, type);
  const { exp, iat, nbf, jti, sub } = payload;
  const expiresAt = time(exp, "exp");
  const issuedAt = time(iat, "iat");
  if (now >= expiresAt + SKEW_MS) throw subjectTokenInvalid("expired");
  if (issuedAt > now + SKEW_MS) throw subjectTokenInvalid("not_yet_valid");
  if (nbf !== undefined && time(nbf, "nbf") > now + SKEW_MS)
    throw subjectTokenInvalid("not_yet_valid");
  if (nonce !== undefined && payload.nonce !== nonce) throw subjectTokenInvalid("nonce");
  if (!isSubject(sub)) throw subjectTokenInvalid("subject");
  if (jti !== undefined && !(typeof jti === "string" && jti.length <= MAX_JTI_LENGTH))
    throw subjectTokenInvalid("claims", "jti");
  return {
    subject: sub,
    jti: jti || undefined,
    expiresAt,
    authTime: Math.min(now, authTimeOf(payload, issuedAt, now)),
  };
};

/** A token for several parties names the one that it was issued to, which must be one of ours. */
const requireAudience = ({ aud, azp }: Payload, { audiences }: TrustedIssuer): void => {
  const given: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const isOurs = (party: unknown): boolean => audiences.some((ours) => ours === party);
  if (!given.every((party) => typeof party === "string") || !given.some(isOurs))
    throw subjectTokenInvalid("audience");
  if (azp === undefined ? given.length > 1 : !isOurs(azp))
    throw subjectTokenInvalid("authorized_party");
};

/**
 * A logout token has `events`, and Keycloak says the kind of its tokens in the
 * claim `typ`: an access token of the same audience is no ID token.
 */
const requireType = ({ typ, events }: Payload, type: "id_token" | "jwt"): void => {
  const isOther = type === "id_token" && typ !== undefined && typ !== "ID";
  if (isOther || events !== undefined) throw subjectTokenInvalid("type");
};

/** A NumericDate (RFC 7519, section 2) in milliseconds. */
const time = (value: unknown, claim: string): number => {
  if (typeof value !== "number" || !(value >= 0 && value <= LATEST_SECONDS))
    throw subjectTokenInvalid("claims", claim);
  return Math.round(value * 1000);
};

/** A token without `auth_time` says only that the user had signed in before it was issued. */
const authTimeOf = ({ auth_time }: Payload, issuedAt: number, now: number): number => {
  if (auth_time === undefined) return issuedAt;
  const at = time(auth_time, "auth_time");
  if (at > now + SKEW_MS) throw subjectTokenInvalid("auth_time");
  return at;
};

/** Subjects are compared byte for byte, so a text that UTF-8 cannot say is none. */
const isSubject = (value: unknown): value is string =>
  typeof value === "string" &&
  value !== "" &&
  Buffer.byteLength(value) <= MAX_SUBJECT_BYTES &&
  !/\p{Cc}|\p{Cs}/u.test(value);
