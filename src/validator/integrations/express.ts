// curfew/validator/express
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Validator } from "../validator.js";
import { toValidatorError } from "../validator_error.js";
import { bearerOf } from "./bearer.js";
import {
  admit,
  assertRole,
  type CurrentUser,
  currentActiveUser,
  currentUser,
} from "./current_user.js";
import { endWithSession } from "./open_response.js";
import { problemAnswer } from "./problem.js";

export { skipsActivity } from "./background.js";
export type { CurrentUser } from "./current_user.js";

/** Express's middleware, or that of anything else that gives node:http's request and response. */
export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** Options of requireUser. */
export interface RequireUserOptions {
  /** Finds the access token; throws or rejects where there is none. Default: the bearer token. */
  readonly tokenOf?: (request: IncomingMessage) => string | Promise<string>;
  /**
   * Whether no user caused the request, for example when a page polls: then it does not count as a use of the session,
   * which can become idle meanwhile. Such a check asks Curfew, also in local mode. `skipsActivity` reads the header
   * `X-Skip-Activity: true`. Default: every request counts.
   */
  readonly isBackground?: (request: IncomingMessage) => boolean;
}

const refuse = (response: ServerResponse, thrown: unknown): void => {
  const { status, headers, body } = problemAnswer(toValidatorError(thrown));
  response.writeHead(status, headers).end(body);
};

/** Lets in requests with a good access token; answers 401 and 503 to others. */
export const requireUser = (
  validator: Validator,
  { tokenOf = bearerOf, isBackground = () => false }: RequireUserOptions = {},
): Middleware => {
  const letIn = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    await admit(request, validator, await tokenOf(request), isBackground(request));
    endWithSession(request, response);
  };
  return (request, response, next) => {
    letIn(request, response).then(
      () => next(),
      (error: unknown) => refuse(response, error),
    );
  };
};

/** After requireUser: lets in users with one of the roles; answers 403 to others. */
export const requireRole =
  (...roles: readonly string[]): Middleware =>
  (request, response, next) => {
    try {
      assertRole(currentUser(request), roles);
    } catch (error) {
      refuse(response, error);
      return;
    }
    next();
  };

/** Error middleware, to be installed after the routes: answers a validator's error from a handler as a problem. */
export const validatorProblems = (
  error: unknown,
  _request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
): void => {
  if (error instanceof Error && error.name === "ValidatorError" && !response.headersSent)
    refuse(response, error);
  else next(error);
};

/** The user that `requireUser` let in. Throws CREDENTIALS_MISSING on a route without it. */
export const getCurrentUser = (request: IncomingMessage): CurrentUser => currentUser(request);

/** The user, asked of Curfew anew. Rejects with USER_INACTIVE and the like. */
export const getCurrentActiveUser = (request: IncomingMessage): Promise<CurrentUser> =>
  currentActiveUser(request);
