import { type CurfewError, fail } from "../errors.js";

/** The checks that a subject token can fail. */
export type SubjectTokenCheck =
  | "length"
  | "form"
  | "algorithm"
  | "critical_header"
  | "type"
  | "issuer"
  | "key"
  | "signature"
  | "audience"
  | "authorized_party"
  | "expired"
  | "not_yet_valid"
  | "nonce"
  | "subject"
  | "auth_time"
  | "claims"
  | "replayed";

/** The failure of a subject token, which says which check failed and nothing of the token. */
export const subjectTokenInvalid = (check: SubjectTokenCheck, claim?: string): CurfewError =>
  fail("SUBJECT_TOKEN_INVALID", {
    metadata: { check, ...(claim !== undefined && { claim }) },
  });
