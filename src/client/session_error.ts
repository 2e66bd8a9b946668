import { effectOf, type LocalErrorCode, type SessionErrorCode } from "./error_code.js";
import { NetworkError } from "./network_error.js";

/** A field of a request that has a value it does not take. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** The fields of a SessionError; all but the code may be unknown. */
export interface SessionErrorFields {
  readonly code: SessionErrorCode;
  /** HTTP status; 0 when the server was not asked. */
  readonly status: number;
  /** For people, in the user's language where the server knows it. */
  readonly detail: string;
  /** Seconds to wait before trying again; null when the server names none. */
  readonly retryAfter?: number | null;
  /** The reason's own facts, such as `end_reason` and `ended_at`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** With `invalid_argument`: the fields and their accepted values. */
  readonly violations?: readonly FieldViolation[];
}

/** An answer of Curfew that is not success. */
export class SessionError extends Error implements SessionErrorFields {
  override readonly name = "SessionError";
  declare readonly code: SessionErrorCode;
  declare readonly status: number;
  declare readonly detail: string;
  declare readonly retryAfter: number | null;
  declare readonly metadata: Readonly<Record<string, string>>;
  declare readonly violations: readonly FieldViolation[];

  constructor(fields: SessionErrorFields) {
    super(fields.detail);
    Object.assign(this, { retryAfter: null, metadata: {}, violations: [] }, fields);
  }

  /** The reason as gRPC's ErrorInfo spells it, for example `SESSION_EXPIRED`. */
  get reason(): string {
    return this.code.toUpperCase();
  }

  /** The same as plain data, for logs and for other tabs. */
  toJSON(): SessionErrorFields {
    const { name: _, ...fields } = this;
    return fields;
  }

  /** Whether the same call may succeed later without anybody doing anything. */
  get isTransient(): boolean {
    return effectOf(this.code) === "later";
  }
}

/** The code of an error; empty for an error that is no SessionError. */
export const codeOf = (error: unknown): string => (error instanceof SessionError ? error.code : "");

/** Whether an error is one that this client throws for an answer, or for a missing answer. */
export const isAnswer = (error: unknown): error is SessionError | NetworkError =>
  error instanceof SessionError || error instanceof NetworkError;

/**
 * Whether this failure of a refresh says that there is nothing to refresh with
 * any more. Nothing else does: an outage is never a logout.
 */
export const endsRefresh = (error: unknown): error is SessionError =>
  error instanceof SessionError &&
  (effectOf(error.code) === "ends" ||
    /^(refresh_token_.*|credentials_missing|cookies_refused)$/.test(error.code));

/** An error that the client makes itself, without asking the server. */
export const localError = (
  code: LocalErrorCode | "credentials_missing" | "session_inactivity_timeout",
  detail: string,
): SessionError => new SessionError({ code, status: 0, detail });

/** The error of a call that needs a session when there is none. */
export const notSignedIn = (): SessionError =>
  localError("credentials_missing", "There is no session, or it has ended. Call login() first.");
