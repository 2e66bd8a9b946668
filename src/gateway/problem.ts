import { STATUS_CODES } from "node:http";
import type { FieldViolation } from "../core/errors.js";

/** Body of every failure: RFC 9457, `application/problem+json`. */
export interface Problem {
  /** Always `about:blank`: `code` distinguishes problems. */
  readonly type: string;
  /** The phrase of the HTTP status. */
  readonly title: string;
  readonly status: number;
  /** For people, in the caller's language where the service wrote it. */
  readonly detail: string;
  /** The reason in lower case, for programs. */
  readonly code: string;
  /** Finds the call in the logs. */
  readonly request_id: string;
  /** Facts of the reason, for example `end_reason`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** The fields that have a value they do not take. */
  readonly violations?: readonly FieldViolation[];
}

/** The optional members of a problem beside its status, code and detail. */
export interface ProblemExtras {
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly violations?: readonly FieldViolation[] | undefined;
  /** Language of `detail` (BCP 47). Absent: English. */
  readonly locale?: string | undefined;
  /** When to try again, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** Methods that the resource has, for 405. */
  readonly allow?: readonly string[] | undefined;
}

/** A failure that is answered as a problem. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly extras: ProblemExtras = {},
  ) {
    super(detail);
  }
}

/** 400: a request that no repetition makes right. */
export const badRequest = (detail: string, violations?: readonly FieldViolation[]): ProblemError =>
  new ProblemError(400, "invalid_argument", detail, { violations });

/** 400 for one field, header or parameter. */
export const badField = (field: string, description: string): ProblemError =>
  badRequest(`${field}: ${description}`, [{ field, description }]);

/** 405: the path is right, the method is not. */
export const methodNotAllowed = (verb: string, allow: readonly string[]): ProblemError =>
  new ProblemError(405, "invalid_argument", `This path takes ${allow.join(", ")}, not ${verb}.`, {
    allow,
  });

/** The body of a failure. */
export const problemOf = (error: ProblemError, requestId: string): Problem => {
  const { metadata, violations } = error.extras;
  return {
    type: "about:blank",
    title: STATUS_CODES[error.status] ?? "Error",
    status: error.status,
    detail: error.detail,
    code: error.code,
    request_id: requestId,
    ...(metadata && Object.keys(metadata).length > 0 ? { metadata } : {}),
    ...(violations && violations.length > 0 ? { violations } : {}),
  };
};
