/** What a failed call means for the session in this browser. */
type Effect =
  /** It is over: forget the tokens. */
  | "ends"
  /** The access token is no good, the session may be: refresh, then repeat. */
  | "refreshes"
  /** It says nothing about the session. */
  | "passes";

/** The reasons of the Curfew contract, as the `code` of a problem body (RFC 9457). */
export type ErrorCode =
  | "session_inactivity_timeout"
  | "session_limit_exceeded"
  | "session_revoked_or_invalid"
  | "access_token_blacklisted"
  | "session_expired"
  | "access_token_expired"
  | "access_token_invalid"
  | "refresh_token_invalid"
  | "refresh_token_reused"
  | "invalid_credentials"
  | "credentials_missing"
  | "user_inactive"
  | "too_many_attempts"
  | "permission_denied"
  | "not_found"
  | "already_exists"
  | "invalid_argument"
  | "dependency_unavailable"
  | "overloaded"
  | "internal"
  | "unimplemented"
  | "deadline_exceeded"
  | "revision_out_of_range"
  | "watch_fell_behind";

/** Codes this client makes itself, without asking the server. */
export type LocalErrorCode = "origin_not_allowed" | "unauthenticated";

/** Any code an error of this client may carry; a newer server may send one not listed. */
export type SessionErrorCode = ErrorCode | LocalErrorCode | (string & {});

const effects = {
  session_inactivity_timeout: "ends",
  session_limit_exceeded: "passes",
  session_revoked_or_invalid: "ends",
  access_token_blacklisted: "ends",
  session_expired: "ends",
  access_token_expired: "refreshes",
  // A retired signing key or a damaged copy: the refresh token may still be good.
  access_token_invalid: "refreshes",
  refresh_token_invalid: "passes",
  refresh_token_reused: "passes",
  // A wrong current password, at a change of password.
  invalid_credentials: "passes",
  // In cookie mode the browser drops the access cookie when it expires.
  credentials_missing: "refreshes",
  user_inactive: "ends",
  too_many_attempts: "passes",
  permission_denied: "passes",
  not_found: "passes",
  already_exists: "passes",
  invalid_argument: "passes",
  dependency_unavailable: "passes",
  overloaded: "passes",
  internal: "passes",
  unimplemented: "passes",
  deadline_exceeded: "passes",
  revision_out_of_range: "passes",
  watch_fell_behind: "passes",
} as const satisfies Record<ErrorCode, Effect>;

const isKnown = (code: string): code is ErrorCode => Object.hasOwn(effects, code);

/** What a 401 with this code means for the session that made the call. */
export const effectOf = (code: string): Effect => (isKnown(code) ? effects[code] : "refreshes");
