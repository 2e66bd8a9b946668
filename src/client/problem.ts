import { NetworkError } from "./network_error.js";
import { SessionError } from "./session_error.js";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const textsOf = (value: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(isObject(value) ? value : {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );

/** Seconds from a Retry-After header of Curfew's, which is a number (RFC 9110, section 10.2.3). */
export function parseRetryAfter(header: string | null): number | null {
  return header !== null && /^\d+(\.\d+)?$/.test(header) ? Number(header) : null;
}

/** Whether an answer claims to be a problem body (RFC 9457), as all of Curfew's failures are. */
export const isProblem = ({ headers }: Response): boolean =>
  /^application\/problem\+json\b/i.test(headers.get("content-type") ?? "");

/**
 * Reads a failed answer's problem body (RFC 9457) without using up the
 * response. An answer that is no problem with a `code` is not Curfew's,
 * whatever its status: a proxy or a captive portal gave it, so it is a
 * NetworkError and says nothing about the session.
 */
export async function readProblem(response: Response): Promise<SessionError | NetworkError> {
  const { status } = response;
  const problem: unknown = isProblem(response)
    ? await response
        .clone()
        .json()
        .catch(() => null)
    : null;
  if (!isObject(problem) || typeof problem.code !== "string") {
    return new NetworkError(`An answer with status ${status} that is not Curfew's`);
  }
  return new SessionError({
    code: problem.code,
    status,
    detail: typeof problem.detail === "string" ? problem.detail : problem.code,
    retryAfter: parseRetryAfter(response.headers.get("retry-after")),
    metadata: textsOf(problem.metadata),
    violations: Array.isArray(problem.violations) ? problem.violations : [],
  });
}
