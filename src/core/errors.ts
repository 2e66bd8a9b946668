/**
 * The failures of a call: a closed union with one table. Every other thrown value is a defect; it is logged and
 * answered as INTERNAL with a fixed text.
 *
 * Sources: AIP-193 (errors), google.rpc.Code and its HTTP mapping.
 */

/** Numbers of google.rpc.Code that Curfew answers with. */
export const Code = {
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

interface ReasonRow {
  readonly code: number;
  readonly http: number;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
}

const row = (code: number, http: number, retryable = false): ReasonRow => ({
  code,
  http,
  retryable,
});

/** Every reason, its gRPC code and its HTTP status. */
export const REASONS = {
  SESSION_INACTIVITY_TIMEOUT: row(Code.UNAUTHENTICATED, 401),
  SESSION_LIMIT_EXCEEDED: row(Code.RESOURCE_EXHAUSTED, 429),
  SESSION_REVOKED_OR_INVALID: row(Code.UNAUTHENTICATED, 401),
  ACCESS_TOKEN_BLACKLISTED: row(Code.UNAUTHENTICATED, 401),
  SESSION_EXPIRED: row(Code.UNAUTHENTICATED, 401),
  ACCESS_TOKEN_EXPIRED: row(Code.UNAUTHENTICATED, 401),
  ACCESS_TOKEN_INVALID: row(Code.UNAUTHENTICATED, 401),
  REFRESH_TOKEN_INVALID: row(Code.UNAUTHENTICATED, 401),
  REFRESH_TOKEN_REUSED: row(Code.UNAUTHENTICATED, 401),
  SUBJECT_TOKEN_INVALID: row(Code.UNAUTHENTICATED, 401),
  INVALID_CREDENTIALS: row(Code.UNAUTHENTICATED, 401),
  CREDENTIALS_MISSING: row(Code.UNAUTHENTICATED, 401),
  USER_INACTIVE: row(Code.UNAUTHENTICATED, 401),
  TOO_MANY_ATTEMPTS: row(Code.RESOURCE_EXHAUSTED, 429, true),
  PERMISSION_DENIED: row(Code.PERMISSION_DENIED, 403),
  NOT_FOUND: row(Code.NOT_FOUND, 404),
  ALREADY_EXISTS: row(Code.ALREADY_EXISTS, 409),
  INVALID_ARGUMENT: row(Code.INVALID_ARGUMENT, 400),
  DEPENDENCY_UNAVAILABLE: row(Code.UNAVAILABLE, 503, true),
  OVERLOADED: row(Code.RESOURCE_EXHAUSTED, 503, true),
  DEADLINE_EXCEEDED: row(Code.DEADLINE_EXCEEDED, 504, true),
  REVISION_OUT_OF_RANGE: row(Code.OUT_OF_RANGE, 400),
  WATCH_FELL_BEHIND: row(Code.RESOURCE_EXHAUSTED, 429, true),
  UNIMPLEMENTED: row(Code.UNIMPLEMENTED, 501),
  INTERNAL: row(Code.INTERNAL, 500),
} as const satisfies Record<string, ReasonRow>;

export type Reason = keyof typeof REASONS;

/** A field that has a value it does not take. */
export interface FieldViolation {
  /** Path in the request by proto names, for example `requests[2].audience`. */
  readonly field: string;
  /** The accepted values. */
  readonly description: string;
}

export interface FailureDetails {
  /** Facts for the caller; never a secret. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When to try again, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly violations?: readonly FieldViolation[];
  /** Logged, never sent. */
  readonly cause?: unknown;
}

/** A failure that is meant for the caller. */
export class CurfewError extends Error {
  override readonly name = "CurfewError";
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;
  readonly violations: readonly FieldViolation[];

  constructor(
    readonly reason: Reason,
    details: FailureDetails = {},
  ) {
    super(reason, { cause: details.cause });
    this.metadata = details.metadata ?? {};
    this.retryAfterMs = details.retryAfterMs;
    this.violations = details.violations ?? [];
  }
}

/** The failure to throw for a reason. */
export const fail = (reason: Reason, details?: FailureDetails): CurfewError =>
  new CurfewError(reason, details);

/** A store does not answer: retry, never log out. */
export const unavailable = (cause?: unknown): CurfewError =>
  new CurfewError("DEPENDENCY_UNAVAILABLE", { retryAfterMs: 1000, cause });

/**
 * The stores answer, and there is more work than they can do in time. Repeating the call later is safe.
 *
 * @param retryAfterMs milliseconds until there is room, as far as that is known
 */
export const overloaded = (retryAfterMs = 1000, cause?: unknown): CurfewError =>
  new CurfewError("OVERLOADED", { retryAfterMs, cause });

/** Reasons that say nothing about the session or the token: only that no store could answer now. */
const UNDECIDED: ReadonlySet<Reason> = new Set([
  "DEPENDENCY_UNAVAILABLE",
  "OVERLOADED",
  "DEADLINE_EXCEEDED",
]);

/** Whether a store did not answer, so that the operation may or may not have taken effect. */
export const isOutage = (failure: unknown): boolean =>
  failure instanceof CurfewError && failure.reason === "DEPENDENCY_UNAVAILABLE";

/** Whether a failure leaves the question open: the same call may succeed later, and nothing follows until then. */
export const isUndecided = (failure: unknown): failure is CurfewError =>
  failure instanceof CurfewError && UNDECIDED.has(failure.reason);

/** Whether a failure says only that a store, which answers, has too much to do. */
export const isOverloaded = (failure: unknown): boolean =>
  failure instanceof CurfewError && failure.reason === "OVERLOADED";

/** One field has a value it does not take. */
export const invalidField = (field: string, description: string): CurfewError =>
  new CurfewError("INVALID_ARGUMENT", { violations: [{ field, description }] });
