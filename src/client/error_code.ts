/** The effect of a failed call on the session in this browser. */
type Effect =
  /** It is over: forget the tokens. */
  | "ends"
  /** The access token is no good, the session may be: refresh, then repeat. */
  | "refreshes"
  /** The same call may succeed later. It says nothing about the session. */
  | "later"
  /** It says nothing about the session, and will be the same later. */
  | "passes";

/** The codes that say something; all others are known not to, or are not Curfew's. */
const effects = {
  session_inactivity_timeout: "ends",
  session_revoked_or_invalid: "ends",
  access_token_blacklisted: "ends",
  session_expired: "ends",
  user_inactive: "ends",
  access_token_expired: "refreshes",
  // A retired signing key or a damaged copy: the refresh token may still be good.
  access_token_invalid: "refreshes",
  // In cookie mode the access cookie may be gone while the refresh cookie is there.
  credentials_missing: "refreshes",
  dependency_unavailable: "later",
  overloaded: "later",
  internal: "later",
  deadline_exceeded: "later",
  too_many_attempts: "later",
  // Of status 401, and yet not about the access token: a wrong current password, for example.
  invalid_credentials: "passes",
  refresh_token_invalid: "passes",
  refresh_token_reused: "passes",
  insufficient_user_authentication: "passes",
  subject_token_invalid: "passes",
} as const satisfies Record<string, Effect>;

/** The reasons of the Curfew contract, as the `code` of a problem body (RFC 9457). */
export type ErrorCode =
  | keyof typeof effects
  | "session_limit_exceeded"
  | "permission_denied"
  | "not_found"
  | "already_exists"
  | "invalid_argument"
  | "unimplemented"
  | "revision_out_of_range"
  | "watch_fell_behind";

/** Codes this client makes itself, without asking the server. */
export type LocalErrorCode =
  | "origin_not_allowed"
  /** The browser did not keep the cookies of a login or refresh. */
  | "cookies_refused"
  /** Another page signed in as another user; the request was not repeated in that user's name. */
  | "session_changed";

/** Any code an error of this client may carry; a newer server may send one not listed. */
export type SessionErrorCode = ErrorCode | LocalErrorCode | (string & {});

/**
 * Returns the effect of a response with this code on the session, or undefined for a code that says nothing about it.
 */
export const effectOf = (code: string): Effect | undefined =>
  Object.hasOwn(effects, code) ? effects[code as keyof typeof effects] : undefined;
