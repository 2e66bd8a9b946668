import type { JWSHeaderParameters } from "jose";
import { decodeCanonicalBase64url } from "../access_token/canonical_base64url.js";
import { parseStrictJsonObject } from "../access_token/strict_json.js";
import { subjectTokenInvalid } from "../core/exchange/subject_token_invalid.js";
import {
  SUBJECT_TOKEN_ALGORITHMS,
  type SubjectTokenAlgorithm,
} from "../core/exchange/trusted_issuer.js";

/** The longest subject token that is looked at, in characters. Providers that list groups write some thousand. */
export const MAX_SUBJECT_TOKEN_LENGTH = 16_384;
const MAX_KID_LENGTH = 512;

/** A token of the right form. Nothing in it is proved yet. */
export interface SubjectTokenForm {
  readonly header: JWSHeaderParameters & { readonly alg: SubjectTokenAlgorithm };
  readonly payload: Readonly<Record<string, unknown>>;
  /** The signed text. One token may have several signatures, but only one such text. */
  readonly signingInput: string;
}

/**
 * Takes a signed JWT apart (RFC 7515, section 7.1). Other spellings of one token
 * are refused, so that one token cannot pass for two.
 *
 * @throws CurfewError SUBJECT_TOKEN_INVALID
 */
export const parseSubjectToken = (token: string): SubjectTokenForm => {
  if (token.length > MAX_SUBJECT_TOKEN_LENGTH) throw subjectTokenInvalid("length");
  const parts = token.split(".");
  const [head, body, signature] = parts.map(decodeCanonicalBase64url);
  if (parts.length !== 3 || !head || !body || !signature) throw subjectTokenInvalid("form");
  const header = parseStrictJsonObject(head);
  const payload = parseStrictJsonObject(body);
  if (header === undefined || payload === undefined) throw subjectTokenInvalid("form");
  const { alg, kid, typ, crit } = header;
  if (!SUBJECT_TOKEN_ALGORITHMS.some((known) => known === alg))
    throw subjectTokenInvalid("algorithm");
  // No extension is understood, so none can be critical (RFC 7515, section 4.1.11).
  if (crit !== undefined || "b64" in header) throw subjectTokenInvalid("critical_header");
  if (kid !== undefined && (typeof kid !== "string" || kid.length > MAX_KID_LENGTH))
    throw subjectTokenInvalid("form");
  // Access tokens, logout tokens and security events say so here (RFC 8725, section 3.11).
  if (typ !== undefined && !(typeof typ === "string" && /^(?:application\/)?jwt$/i.test(typ)))
    throw subjectTokenInvalid("type");
  if (signature.length === 0) throw subjectTokenInvalid("signature");
  const signingInput = token.slice(0, token.lastIndexOf("."));
  return { header: header as SubjectTokenForm["header"], payload, signingInput };
};
