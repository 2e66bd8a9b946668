// curfew/validator/websocket
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { Validator } from "../validator.js";
import { toValidatorError, ValidatorError } from "../validator_error.js";
import { bearerOf } from "./bearer.js";
import { admit, type CurrentUser, guardAdmission } from "./current_user.js";
import { problemAnswer } from "./problem.js";

export { skipsActivity } from "./background.js";
export type { CurrentUser } from "./current_user.js";

/** Close code of a WebSocket whose session has ended: 401, in the range for applications (RFC 6455 section 7.4.2). */
export const SESSION_ENDED_CLOSE = 4401;

/** The part of a server-side WebSocket (package `ws`) that is needed. */
export interface ServerWebSocket {
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: "message" | "close", listener: () => void): unknown;
}

const PROTOCOL_PREFIX = "bearer.";
const CLOSE_TIMEOUT_MS = 2000;

/**
 * The access token of a WebSocket's opening request: the bearer token, or, since
 * browsers cannot send one, a subprotocol `bearer.<token>`.
 */
export const upgradeToken = (request: IncomingMessage): string => {
  if (request.headers.authorization !== undefined) return bearerOf(request);
  const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",");
  const carrier = offered
    .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ""))
    .find((text) => text.startsWith(PROTOCOL_PREFIX));
  if (carrier === undefined) throw new ValidatorError("CREDENTIALS_MISSING");
  return carrier.slice(PROTOCOL_PREFIX.length);
};

/**
 * A listener for the socket of an opening request, which Node leaves without one: an unhandled error would end the
 * process.
 */
const hungUp = (): void => undefined;

/** Options of authenticateUpgrade. */
export interface UpgradeOptions {
  /**
   * Whether no user causes the messages of this WebSocket, for example when a feed answers automatically: then neither
   * they nor the opening request count as uses of the session, which can become idle meanwhile. `skipsActivity` reads
   * the header `X-Skip-Activity: true`, which browsers cannot send; use the path for them. Default: all count.
   */
  readonly isBackground?: (request: IncomingMessage) => boolean;
}

/** Checks an opening request (event `upgrade` of the HTTP server). Rejects with the ValidatorError. */
export const authenticateUpgrade = async (
  validator: Validator,
  request: IncomingMessage,
  tokenOf: (request: IncomingMessage) => string = upgradeToken,
  { isBackground = () => false }: UpgradeOptions = {},
): Promise<CurrentUser> => {
  const { socket } = request;
  socket.on("error", hungUp);
  try {
    return await admit(request, validator, tokenOf(request), isBackground(request));
  } finally {
    socket.off("error", hungUp);
  }
};

/** Answers an opening request with a problem instead of a WebSocket. */
export const refuseUpgrade = (socket: Duplex, thrown: unknown): void => {
  const { status, headers, body } = problemAnswer(toValidatorError(thrown));
  const lines = Object.entries({ ...headers, "content-length": Buffer.byteLength(body) });
  socket.on("error", hungUp);
  // It is half open: a client that does not close its end would keep it.
  socket.once("finish", () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
      "connection: close",
      ...lines.map(([name, value]) => `${name}: ${value}`),
      "",
      body,
    ].join("\r\n"),
  );
};

/**
 * Closes a WebSocket with code 4401 and the reason (`ACCESS_TOKEN_BLACKLISTED` …)
 * when the session of its opening request ends. Its messages count as uses of
 * the session, unless it was opened as a background one. For requests that `authenticateUpgrade` let in.
 */
export const closeWithSession = (socket: ServerWebSocket, request: IncomingMessage): void => {
  let forced: NodeJS.Timeout | undefined;
  const guard = guardAdmission(request, ({ reason }) => {
    socket.close(SESSION_ENDED_CLOSE, reason);
    // A peer that does not answer the close would stay connected.
    forced = setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref();
  });
  socket.on("message", () => guard.touch());
  socket.on("close", () => {
    clearTimeout(forced);
    guard.release();
  });
};
