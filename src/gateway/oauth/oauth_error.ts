import { ProblemError, type ProblemExtras } from "../problem.js";

/** Error codes of RFC 6749 (section 5.2), RFC 6750 (3.1), RFC 7009 (2.2.1) and RFC 8693 (2.2.2). */
export type OAuthErrorCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "invalid_scope"
  | "invalid_target"
  | "invalid_token"
  | "insufficient_scope"
  | "unauthorized_client"
  | "unsupported_grant_type"
  | "unsupported_token_type"
  | "temporarily_unavailable"
  | "server_error";

/** A failure that OAuth has a code for. */
export class OAuthError extends ProblemError {
  constructor(
    status: number,
    readonly error: OAuthErrorCode,
    description: string,
    extras: ProblemExtras = {},
  ) {
    super(status, error, description, extras);
  }
}

/** 400: a parameter is missing, repeated or malformed. */
export const invalidRequest = (description: string): OAuthError =>
  new OAuthError(400, "invalid_request", description);

/** 401: the caller did not prove who it is. */
export const invalidClient = (description: string): OAuthError =>
  new OAuthError(401, "invalid_client", description);
