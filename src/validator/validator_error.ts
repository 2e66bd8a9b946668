import type { status as Code } from "@grpc/grpc-js";
import { ERROR_REASONS, type ErrorReason } from "./error_reason.js";

export interface ValidatorErrorDetails {
  /** For people. Default: the reason's English text. */
  readonly detail?: string | undefined;
  /** The reason's own facts, for example `end_reason` and `ended_at`. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Seconds to wait before trying again. */
  readonly retryAfter?: number | undefined;
  /** For logs, never for callers. */
  readonly cause?: unknown;
}

const OUTAGE_RETRY_SECONDS = 1;

/** A check that did not end with "valid". The only error that a validator rejects with. */
export class ValidatorError extends Error {
  override readonly name = "ValidatorError";
  /** google.rpc.Code. */
  readonly code: Code;
  /** HTTP status. */
  readonly status: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** Seconds to wait before trying again; undefined: trying again does not help. */
  readonly retryAfter: number | undefined;

  constructor(
    readonly reason: ErrorReason,
    details: ValidatorErrorDetails = {},
  ) {
    const { code, status, text } = ERROR_REASONS[reason];
    super(details.detail ?? text, { cause: details.cause });
    this.code = code;
    this.status = status;
    this.metadata = details.metadata ?? {};
    this.retryAfter = details.retryAfter;
  }

  /** Nothing is known of the token: keep the user signed in, and try again. */
  get isOutage(): boolean {
    return this.status >= 500;
  }
}

/** Nothing certain can be said now. Never a reason to log anybody out. */
export const outage = (cause: unknown, detail?: string): ValidatorError =>
  new ValidatorError("DEPENDENCY_UNAVAILABLE", {
    cause,
    detail,
    retryAfter: OUTAGE_RETRY_SECONDS,
  });

/** Converts a thrown value to the error that the caller receives. Defects are masked. */
export const toValidatorError = (thrown: unknown): ValidatorError =>
  thrown instanceof ValidatorError ? thrown : new ValidatorError("INTERNAL", { cause: thrown });
