// curfew/validator/fastify
import type { FastifyReply, FastifyRequest } from "fastify";
import fastifyPlugin from "fastify-plugin";
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

declare module "fastify" {
  interface FastifyInstance {
    /** Set by `curfew`. */
    curfewOptions: CurfewFastifyOptions;
  }
}

/** Options of the plugin. */
export interface CurfewFastifyOptions {
  readonly validator: Validator;
  /** Finds the access token; throws or rejects where there is none. Default: the bearer token. */
  readonly tokenOf?: (request: FastifyRequest) => string | Promise<string>;
  /**
   * Whether no user caused the request, for example when a page polls: then it does not count as a use of the session,
   * which can become idle meanwhile. Such a check asks Curfew, also in local mode. `skipsActivity` reads the header
   * `X-Skip-Activity: true`. Default: every request counts.
   */
  readonly isBackground?: (request: FastifyRequest) => boolean;
}

/** Makes `requireUser` and `requireRole` work on all routes of the instance and of those inside it. */
export const curfew = fastifyPlugin(
  async (app, options: CurfewFastifyOptions) => {
    app.decorate("curfewOptions", options);
  },
  { fastify: "5.x", name: "curfew" },
);

const refuse = (reply: FastifyReply, thrown: unknown): FastifyReply => {
  const error = toValidatorError(thrown);
  const { status, headers, body } = problemAnswer(error);
  if (error.status === 500) reply.log.error({ err: thrown }, "token check failed");
  return reply.code(status).headers(headers).send(body);
};

/** Hook (`onRequest`) that lets in requests with a good access token; 401 and 503 for others. */
export const requireUser = async (request: FastifyRequest, reply: FastifyReply) => {
  const { validator, tokenOf, isBackground } = request.server.curfewOptions;
  try {
    const token = await (tokenOf?.(request) ?? bearerOf(request.raw));
    await admit(request, validator, token, isBackground?.(request));
    endWithSession(request, reply.raw);
  } catch (error) {
    return refuse(reply, error);
  }
};

/** Hook (`onRequest`) that lets in users with one of the roles; 403 for others, and what requireUser answers. */
export const requireRole =
  (...roles: readonly string[]) =>
  async (request: FastifyRequest, reply: FastifyReply) => {
    const refused = await requireUser(request, reply);
    if (refused !== undefined) return refused;
    try {
      assertRole(currentUser(request), roles);
    } catch (error) {
      return refuse(reply, error);
    }
  };

/** The user that `requireUser` let in. Throws CREDENTIALS_MISSING on a route without it. */
export const getCurrentUser = (request: FastifyRequest): CurrentUser => currentUser(request);

/**
 * The user, asked of Curfew anew. Rejects with USER_INACTIVE and the like, which
 * `sendProblem` answers.
 */
export const getCurrentActiveUser = (request: FastifyRequest): Promise<CurrentUser> =>
  currentActiveUser(request);

/** Sends a validator's error as a problem, for example in an error handler; any other value as 500. */
export const sendProblem = (reply: FastifyReply, thrown: unknown): FastifyReply =>
  refuse(reply, thrown);
