import type { Socket } from "node:net";
import { badRequest, ProblemError, problemOf } from "./problem.js";
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

/** Answers what is no HTTP request, before any route or hook sees it. */
export const answerClientError = (error: Error & { code?: string }, socket: Socket): void => {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(problemOfParser(error.code), requestId({ headers: {} }));
  const body = JSON.stringify(problem);
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${problem.title}`,
      "content-type: application/problem+json",
      `content-length: ${Buffer.byteLength(body)}`,
      "cache-control: no-store",
      `x-request-id: ${problem.request_id}`,
      "connection: close",
      "",
      body,
    ].join("\r\n"),
  );
};
