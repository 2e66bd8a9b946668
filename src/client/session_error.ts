import { effectOf, type LocalErrorCode, type SessionErrorCode } from "./error_code.js";

/** A field of a request that has a value it does not take. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** What a SessionError is made of; everything but the code may be unknown. */
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
  /** With `invalid_argument`: which fields, and what they take. */
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

/** An error that the client makes itself, without asking the server. */
export const localError = (
  code: LocalErrorCode | "credentials_missing" | "session_inactivity_timeout",
  detail: string,
): SessionError => new SessionError({ code, status: 0, detail });

/** The error of a call that needs a session when there is none. */
export const notSignedIn = (): SessionError =>
  localError(
    "credentials_missing",
    "The session of this call is not here, or no longer. Call login() first.",
  );
