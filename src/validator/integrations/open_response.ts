import type { ServerResponse } from "node:http";
import type { ValidatorError } from "../validator_error.js";
import { guardAdmission } from "./current_user.js";
import { problemBody } from "./problem.js";

/** Name of the last event of a stream of server-sent events whose session has ended. */
export const SESSION_ENDED_EVENT = "session-ended";

const LOOK_AGAIN_MS = 1000;

/** Headers that were only passed to `writeHead` cannot be read back, but EventSource always sends the accepted type. */
const isEventStream = (response: ServerResponse): boolean =>
  [response.getHeader("content-type"), response.req?.headers.accept].some((value) =>
    String(value).startsWith("text/event-stream"),
  );

/**
 * Ends a response that is still being written when the session of its request ends. Server-sent events get a last
 * event, whose data is the problem. Any other response is cut off, so that the client does not take it for complete. A
 * response that has not begun is left alone: its request was made in time.
 */
export const endWithSession = (request: object, response: ServerResponse): void => {
  if (response.writableEnded || response.destroyed) return;
  let again: NodeJS.Timeout | undefined;

  const end = (error: ValidatorError): void => {
    if (response.writableEnded || response.destroyed) return;
    if (!response.headersSent) {
      // It may begin yet, and then it is a stream like others.
      again = setTimeout(end, LOOK_AGAIN_MS, error).unref();
    } else if (isEventStream(response)) {
      const data = JSON.stringify(problemBody(error));
      response.end(`event: ${SESSION_ENDED_EVENT}\ndata: ${data}\n\n`);
    } else {
      response.destroy();
    }
  };

  const guard = guardAdmission(request, end);
  response.once("close", () => {
    clearTimeout(again);
    guard.release();
  });
};
