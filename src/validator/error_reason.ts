import { status as Code } from "@grpc/grpc-js";

interface ReasonRow {
  /** google.rpc.Code. */
  readonly code: Code;
  /** HTTP status. */
  readonly status: number;
  /** What to tell people where the server did not say it better. */
  readonly text: string;
}

const row = (code: Code, status: number, text: string): ReasonRow => ({ code, status, text });

const unauthenticated = (text: string): ReasonRow => row(Code.UNAUTHENTICATED, 401, text);

/** Every reason a check can be refused for, with its gRPC code and its HTTP status (contract, section 2). */
export const ERROR_REASONS = {
  ACCESS_TOKEN_INVALID: unauthenticated("Access token is invalid"),
  ACCESS_TOKEN_EXPIRED: unauthenticated("Access token has expired"),
  ACCESS_TOKEN_BLACKLISTED: unauthenticated("Access token has been revoked"),
  SESSION_EXPIRED: unauthenticated("Session has reached its maximum lifetime"),
  SESSION_INACTIVITY_TIMEOUT: unauthenticated("Session expired due to inactivity"),
  SESSION_REVOKED_OR_INVALID: unauthenticated("Session has been revoked or is invalid"),
  USER_INACTIVE: unauthenticated("User is invalid or inactive"),
  CREDENTIALS_MISSING: unauthenticated("Authentication credentials are missing"),
  PERMISSION_DENIED: row(Code.PERMISSION_DENIED, 403, "Permission denied"),
  INVALID_ARGUMENT: row(Code.INVALID_ARGUMENT, 400, "The request is invalid"),
  DEPENDENCY_UNAVAILABLE: row(
    Code.UNAVAILABLE,
    503,
    "The service is temporarily unavailable, try again",
  ),
  OVERLOADED: row(Code.RESOURCE_EXHAUSTED, 503, "The service is busy, try again in a moment"),
  DEADLINE_EXCEEDED: row(Code.DEADLINE_EXCEEDED, 504, "The request took too long"),
  INTERNAL: row(Code.INTERNAL, 500, "Internal error"),
} as const satisfies Record<string, ReasonRow>;

/** Why a check was refused, as `google.rpc.ErrorInfo.reason` spells it. */
export type ErrorReason = keyof typeof ERROR_REASONS;

export const isErrorReason = (text: string): text is ErrorReason =>
  Object.hasOwn(ERROR_REASONS, text);
