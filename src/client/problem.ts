import type { ErrorCode, SessionErrorCode } from "./error_code.js";
import { type FieldViolation, SessionError } from "./session_error.js";

const codeByStatus: Readonly<Record<number, ErrorCode>> = {
  400: "invalid_argument",
  403: "permission_denied",
  404: "not_found",
  408: "deadline_exceeded",
  409: "already_exists",
  429: "too_many_attempts",
  501: "unimplemented",
  502: "dependency_unavailable",
  503: "dependency_unavailable",
  504: "deadline_exceeded",
};

const codeFor = (status: number): SessionErrorCode =>
  status === 401 ? "unauthenticated" : (codeByStatus[status] ?? "internal");

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const textsOf = (value: unknown): Record<string, string> =>
  isObject(value)
    ? Object.fromEntries(
        Object.entries(value).filter((entry): entry is [string, string] => {
          return typeof entry[1] === "string";
        }),
      )
    : {};

function violationsOf(value: unknown): FieldViolation[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isObject).map(({ field, description }) => ({
    field: String(field),
    description: String(description),
  }));
}

/** Seconds from a Retry-After header (RFC 9110, section 10.2.3): a number or a date. */
export function parseRetryAfter(header: string | null, now: number): number | null {
  if (header === null || header.trim() === "") return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000));
}

/**
 * Reads a failed answer's problem body (RFC 9457) without using up the
 * response. A body that is none gives a code by status: `unauthenticated` for 401.
 */
export async function readProblem(response: Response): Promise<SessionError> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => null);
  const problem = isObject(body) ? body : {};
  return new SessionError({
    code: typeof problem.code === "string" ? problem.code : codeFor(response.status),
    status: response.status,
    detail:
      typeof problem.detail === "string"
        ? problem.detail
        : `The server answered ${response.status} ${response.statusText}`.trimEnd(),
    retryAfter: parseRetryAfter(response.headers.get("retry-after"), Date.now()),
    metadata: textsOf(problem.metadata),
    violations: violationsOf(problem.violations),
  });
}
