import type { FastifyReply, FastifyRequest } from "fastify";
import type { OnRefused } from "../budgets/refusal.js";
import { ProblemError } from "../problem.js";
import { beginFailureReply, problemFrom } from "../problem_reply.js";
import { OAuthError, type OAuthErrorCode } from "./oauth_error.js";

const RETRY_MS = 1000;

const codeOf = (status: number): OAuthErrorCode => {
  if (status === 401) return "invalid_client";
  if (status === 429 || status === 503) return "temporarily_unavailable";
  return status < 500 ? "invalid_request" : "server_error";
};

/** An outage is 503, with a time to retry, whichever deadline noticed it. */
const withoutGatewayTimeout = (error: ProblemError): ProblemError =>
  error.status === 504 || error.status === 503
    ? new ProblemError(503, error.code, error.detail, {
        ...error.extras,
        retryAfterMs: error.extras.retryAfterMs ?? RETRY_MS,
      })
    : error;

/** The failure in OAuth's words. What OAuth has no code for keeps its HTTP status. */
export const oauthErrorFrom = (thrown: unknown): OAuthError => {
  const problem = problemFrom(thrown);
  if (problem instanceof OAuthError) return problem;
  const { status, detail, extras } = withoutGatewayTimeout(problem);
  // A credential that is good, but not for this endpoint (RFC 7662 section 2.3).
  if (status === 403) return new OAuthError(401, "insufficient_scope", detail);
  if (status === 415) {
    const expected = "Send the parameters as content-type application/x-www-form-urlencoded.";
    return new OAuthError(415, "invalid_request", expected);
  }
  return new OAuthError(status, codeOf(status), detail, extras);
};

/** RFC 6749 section 5.2 allows printable ASCII without quotation marks and backslashes. */
const descriptionOf = (text: string): string =>
  text
    .replaceAll('"', "'")
    .replaceAll("\\", "/")
    .replaceAll(/[^ -~]/g, "?");

/** The challenge of a 401 by the scheme that the caller used (RFC 6749 section 5.2, RFC 6750 section 3). */
const challengeTo = ({ headers }: FastifyRequest, error: OAuthErrorCode): string =>
  /^bearer /i.test(headers.authorization ?? "")
    ? `Bearer realm="curfew", error="${error === "invalid_client" ? "invalid_token" : error}"`
    : 'Basic realm="curfew", charset="UTF-8"';

/** Makes the answer to failures of OAuth endpoints: a JSON object with `error` and `error_description`. */
export const createOAuthReply =
  (onRefused: OnRefused) =>
  (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const failure = oauthErrorFrom(thrown);
    beginFailureReply(thrown, failure, request, reply, onRefused);
    if (failure.status === 401) {
      reply.header("www-authenticate", challengeTo(request, failure.error));
    }
    return reply
      .header("pragma", "no-cache")
      .type("application/json")
      .send(
        JSON.stringify({
          error: failure.error,
          error_description: descriptionOf(failure.detail),
        }),
      );
  };
