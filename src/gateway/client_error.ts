import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { OnRefused } from "./budgets/refusal.js";
import { badRequest, methodNotAllowed, ProblemError, problemOf } from "./problem.js";
import { requestId } from "./request_id.js";

const problemOfParser = (code: string | undefined): ProblemError => {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new ProblemError(431, "invalid_argument", "The headers are larger than 16 KiB.");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new ProblemError(408, "deadline_exceeded", "The request did not arrive in time.");
    default:
      return badRequest("The request is not valid HTTP.");
  }
};

/** Answers on a connection that carries no further request, and ends it. */
const endWith = (error: ProblemError, socket: Duplex): void => {
  const problem = problemOf(error, requestId({ headers: {} }));
  const { allow } = error.extras;
  const body = JSON.stringify(problem);
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${problem.title}`,
      "content-type: application/problem+json",
      `content-length: ${Buffer.byteLength(body)}`,
      "cache-control: no-store",
      `x-request-id: ${problem.request_id}`,
      ...(allow ? [`allow: ${allow.join(", ")}`] : []),
      "connection: close",
      "",
      body,
    ].join("\r\n"),
  );
};

/** Answers input that is not an HTTP request, before any route or hook sees it. */
export const clientErrorAnswerer =
  (onRefused: OnRefused) =>
  (error: Error & { code?: string }, socket: Duplex): void => {
    if (error.code === "HPE_HEADER_OVERFLOW") onRefused("bound", "http_header_bytes");
    if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") onRefused("budget", "http_request_time");
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    else endWith(problemOfParser(error.code), socket);
  };

const METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST"] as const;

/** Answers CONNECT, which Node hands over as a bare connection: this is no proxy. */
export const answerConnect = (_request: IncomingMessage, socket: Duplex): void =>
  endWith(methodNotAllowed("CONNECT", METHODS), socket);

/** Answers an `Expect` other than `100-continue` (RFC 9110 section 10.1.1). */
export const answerExpectation = ({ socket }: IncomingMessage): void =>
  endWith(new ProblemError(417, "invalid_argument", "No expectation but 100-continue."), socket);
