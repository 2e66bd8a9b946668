import type { SessionErrorCode } from "./error_code.js";

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
  readonly code: SessionErrorCode;
  readonly status: number;
  readonly detail: string;
  readonly retryAfter: number | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];

  constructor(fields: SessionErrorFields) {
    super(fields.detail);
    this.code = fields.code;
    this.status = fields.status;
    this.detail = fields.detail;
    this.retryAfter = fields.retryAfter ?? null;
    this.metadata = fields.metadata ?? {};
    this.violations = fields.violations ?? [];
  }

  /** The reason as gRPC's ErrorInfo spells it, for example `SESSION_EXPIRED`. */
  get reason(): string {
    return this.code.toUpperCase();
  }

  /** The same as plain data, for logs and for other tabs. */
  toJSON(): SessionErrorFields {
    const { code, status, detail, retryAfter, metadata, violations } = this;
    return { code, status, detail, retryAfter, metadata, violations };
  }

  /** Whether the same call may succeed later without anybody doing anything. */
  get isTransient(): boolean {
    return this.status >= 500 || this.status === 429 || this.status === 408;
  }
}

/** The error of a call that needs a session when there is none. */
export const notSignedIn = (): SessionError =>
  new SessionError({
    code: "credentials_missing",
    status: 0,
    detail: "The session that this call needs is not here, or no longer. Call login() first.",
  });
