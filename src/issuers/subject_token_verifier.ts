import { createHash } from "node:crypto";
import { type CryptoKey, compactVerify, errors } from "jose";
import { subjectTokenInvalid } from "../core/exchange/subject_token_invalid.js";
import type { TrustedIssuer } from "../core/exchange/trusted_issuer.js";
import type { Clock } from "../core/ports/clock.js";
import type { SubjectTokenVerifier } from "../core/ports/subject_token_verifier.js";
import { createIssuerKeys, type IssuerKeys, type IssuerKeysOptions } from "./issuer_keys.js";
import { mappedClaims } from "./mapped_claims.js";
import { registeredClaims, SKEW_MS } from "./registered_claims.js";
import { parseSubjectToken, type SubjectTokenForm } from "./subject_token_form.js";

export interface SubjectTokenVerifierOptions extends Omit<IssuerKeysOptions, "clock"> {
  readonly issuers: readonly TrustedIssuer[];
  readonly clock: Pick<Clock, "now" | "monotonic">;
}

/**
 * Verifies ID tokens (OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725). Only the configuration decides which keys
 * are used: URLs and keys in a token's header are ignored.
 */
export const createSubjectTokenVerifier = ({
  issuers,
  clock,
  ...options
}: SubjectTokenVerifierOptions): SubjectTokenVerifier => {
  const trusted = new Map(
    issuers.map((issuer) => [
      issuer.issuer,
      { issuer, keys: createIssuerKeys(issuer, { clock, ...options }) },
    ]),
  );

  return {
    async verify(token, { type, nonce }) {
      const form = parseSubjectToken(token);
      const known =
        typeof form.payload.iss === "string" ? trusted.get(form.payload.iss) : undefined;
      if (known === undefined) throw subjectTokenInvalid("issuer");
      const { issuer, keys } = known;
      if (!issuer.algorithms.includes(form.header.alg)) throw subjectTokenInvalid("algorithm");
      await requireSignature(token, form, keys);
      const claims = registeredClaims(form.payload, issuer, { type, nonce, now: clock.now() });
      return {
        issuer,
        subject: claims.subject,
        fingerprint: fingerprint(issuer, claims.jti, form),
        acceptedUntil: claims.expiresAt + SKEW_MS,
        authTime: claims.authTime,
        ...mappedClaims(form.payload, issuer.claims),
      };
    },
  };
};

const requireSignature = async (
  token: string,
  { header }: SubjectTokenForm,
  keys: IssuerKeys,
): Promise<void> => {
  const candidates = await keys.candidates(header);
  if (await isSignedByAny(candidates, token, header.alg)) return;
  const newer = await keys.candidatesAfterMismatch(header);
  if (await isSignedByAny(newer, token, header.alg)) return;
  throw subjectTokenInvalid(candidates.length === 0 ? "key" : "signature");
};

const isSignedByAny = async (
  keys: readonly CryptoKey[],
  token: string,
  alg: string,
): Promise<boolean> => {
  for (const key of keys) {
    try {
      await compactVerify(token, key, { algorithms: [alg] });
      return true;
    } catch (error) {
      // A key that is too weak, or no fit for the algorithm, is a TypeError.
      const isMismatch = error instanceof errors.JOSEError || error instanceof TypeError;
      if (!isMismatch) throw error;
    }
  }
  return false;
};

/** A token is identified by the `jti` of its issuer; without one, by the signed text. */
const fingerprint = (
  { issuer }: TrustedIssuer,
  jti: string | undefined,
  { signingInput }: SubjectTokenForm,
): string =>
  createHash("sha256")
    .update(JSON.stringify(jti === undefined ? [issuer, null, signingInput] : [issuer, jti]))
    .digest("base64url");
