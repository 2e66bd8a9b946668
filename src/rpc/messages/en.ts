import type { Texts } from "./texts.js";

/** English. */
export const en: Texts = {
  SESSION_INACTIVITY_TIMEOUT: "Session expired due to inactivity",
  SESSION_LIMIT_EXCEEDED: "Maximum number of concurrent sessions exceeded",
  SESSION_REVOKED_OR_INVALID: "Session has been revoked or is invalid",
  ACCESS_TOKEN_BLACKLISTED: "Access token has been revoked",
  SESSION_EXPIRED: "Session has reached its maximum lifetime",
  ACCESS_TOKEN_EXPIRED: "Access token has expired",
  ACCESS_TOKEN_INVALID: "Access token is invalid",
  REFRESH_TOKEN_INVALID: "Refresh token is invalid",
  REFRESH_TOKEN_REUSED: "Refresh token has already been used",
  INVALID_CREDENTIALS: "Username or password is incorrect",
  CREDENTIALS_MISSING: "Authentication credentials are missing",
  USER_INACTIVE: "User is invalid or inactive",
  TOO_MANY_ATTEMPTS: "Too many attempts, try again later",
  PERMISSION_DENIED: "Permission denied",
  NOT_FOUND: "Not found",
  ALREADY_EXISTS: "Already exists",
  INVALID_ARGUMENT: "The request is invalid",
  DEPENDENCY_UNAVAILABLE: "The service is temporarily unavailable, try again",
  DEADLINE_EXCEEDED: "The request took too long",
  REVISION_OUT_OF_RANGE: "The stream cannot be resumed from this point",
  WATCH_FELL_BEHIND: "The stream fell behind, resume it",
  UNIMPLEMENTED: "This operation is not supported",
  INTERNAL: "Internal error",
  LOGOUT_DONE: "Logged out successfully",
};
