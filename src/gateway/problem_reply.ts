import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { readTraceParent } from "../core/caller/trace_parent.js";
import { countRefusal, type OnRefused } from "./budgets/refusal.js";
import { isReason, type Localize } from "./localize.js";
import { badRequest, ProblemError, problemOf } from "./problem.js";
import { isServiceError, problemOfCall } from "./rpc_status.js";

const ENGLISH = "en";

/** Reasons that say nothing of the credential that came with the call. */
const NO_TOKEN_VERDICT = new Set([
  "credentials_missing",
  "invalid_credentials",
  "refresh_token_invalid",
  "refresh_token_reused",
  "subject_token_invalid",
]);

/** Challenge of a 401 (RFC 9110 section 11.6.1, RFC 6750 section 3). */
const challenge = (code: string): string =>
  NO_TOKEN_VERDICT.has(code)
    ? 'Bearer realm="curfew"'
    : 'Bearer realm="curfew", error="invalid_token"';

const ofFramework = (error: FastifyError): ProblemError | undefined => {
  switch (error.code) {
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new ProblemError(
        415,
        "invalid_argument",
        "Send the body as content-type application/json, in UTF-8.",
      );
    case "FST_ERR_BAD_URL":
      return badRequest("The path is not a valid percent-encoded URL path.");
  }
  const status = error.statusCode ?? 500;
  return status >= 400 && status < 500
    ? new ProblemError(status, "invalid_argument", "The request is not valid HTTP.")
    : undefined;
};

/** Converts a thrown value to a problem. Unexpected errors become 500 with a fixed text. */
export const problemFrom = (error: unknown): ProblemError => {
  if (error instanceof ProblemError) return error;
  if (isServiceError(error)) return problemOfCall(error);
  return (
    (error instanceof Error ? ofFramework(error as FastifyError) : undefined) ??
    new ProblemError(500, "internal", "An internal error occurred.")
  );
};

/** The gateway's own refusals in the caller's language. */
const localized = (
  { status, code, detail, extras }: ProblemError,
  request: FastifyRequest,
  localize: Localize | undefined,
): { detail: string; locale: string } => {
  const plain = { detail, locale: extras.locale || ENGLISH };
  const reason = code.toUpperCase();
  if (extras.locale || !localize || !isReason(reason)) return plain;
  const { text, locale } = localize(reason, request.headers["accept-language"] ?? "");
  if (locale === ENGLISH) return plain;
  const saysMore =
    status < 500 && !extras.violations?.length && detail !== localize(reason, ENGLISH).text;
  return { detail: saysMore ? `${text} (${detail})` : text, locale };
};

const log = (request: FastifyRequest, problem: ProblemError, error: unknown): void => {
  const { traceparent } = request.headers;
  const trace = typeof traceparent === "string" ? readTraceParent(traceparent) : undefined;
  const facts = {
    err: error,
    request_id: request.id,
    code: problem.code,
    trace_id: trace?.traceId,
  };
  if (problem.status === 500) request.log.error(facts, "call failed");
  else if (problem.status > 500) request.log.warn(facts, "call failed");
  // The service has logged its own refusals. Log neither the URL nor the cause: both may quote a secret.
  else if (!isServiceError(error)) {
    const { method, clientChain = [] } = request;
    request.log.info(
      { ...facts, err: undefined, method, ip: clientChain[0] ?? "", status: problem.status },
      "call refused",
    );
  }
};

/** Answers a failure, with the headers that belong to it. */
export type ProblemReply = (
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
) => FastifyReply;

/**
 * What every answer to a failure begins with, whatever its body is: the log, the
 * count, and the headers `Retry-After`, `Allow`, `Cache-Control` and `X-Request-Id`.
 */
export const beginFailureReply = (
  thrown: unknown,
  error: ProblemError,
  request: FastifyRequest,
  reply: FastifyReply,
  onRefused: OnRefused,
): void => {
  log(request, error, thrown);
  if (!isServiceError(thrown)) countRefusal(error, onRefused);
  const { retryAfterMs, allow } = error.extras;
  if (retryAfterMs !== undefined) {
    reply.header("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  }
  if (allow) reply.header("allow", allow.join(", "));
  // Discard the rest of the body: the connection cannot carry another request.
  if (error.status === 413) reply.header("connection", "close");
  reply.code(error.status).header("cache-control", "no-store").header("x-request-id", request.id);
};

/**
 * Makes the answer to failures: `application/problem+json` with `Retry-After`,
 * `Allow` and `WWW-Authenticate` where they apply.
 *
 * @param localize texts for failures that the service did not word. Absent: English
 */
export const createProblemReply =
  (localize?: Localize, onRefused: OnRefused = () => undefined): ProblemReply =>
  (thrown, request, reply) => {
    const error = problemFrom(thrown);
    beginFailureReply(thrown, error, request, reply, onRefused);
    const { detail, locale } = localized(error, request, localize);
    if (error.status === 401) reply.header("www-authenticate", challenge(error.code));
    return reply
      .header("content-language", locale)
      .type("application/problem+json")
      .send(JSON.stringify({ ...problemOf(error, request.id), detail }));
  };
