/** The accepted signature algorithms of ID tokens: only those with public keys (RFC 7518, RFC 8037). */
export const SUBJECT_TOKEN_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;
export type SubjectTokenAlgorithm = (typeof SUBJECT_TOKEN_ALGORITHMS)[number];

/**
 * Which claim of a token gives which part of a user or a session. A name with
 * dots that is no claim itself is a path (`realm_access.roles`).
 */
export interface ClaimNames {
  /** Absent: `preferred_username`, else `email`. */
  readonly username?: string | undefined;
  readonly displayName: string;
  /** Absent: roles are not taken from the token. */
  readonly roles?: string | undefined;
  readonly acr: string;
  readonly amr: string;
}

/** A provider whose ID tokens are exchanged for sessions. */
export interface TrustedIssuer {
  /** Its `iss`, byte for byte. */
  readonly issuer: string;
  /** A token must be for one of these. */
  readonly audiences: readonly string[];
  /** Where its keys are. Absent: its discovery document says so. */
  readonly jwksUri: string | undefined;
  readonly algorithms: readonly SubjectTokenAlgorithm[];
  readonly claims: ClaimNames;
  /** Whether a user is made for a subject that is not known yet. */
  readonly createUsers: boolean;
  /** The values of `client_id` that a session may be asked for. Absent: any. */
  readonly clientIds: readonly string[] | undefined;
}
