import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Access } from "../../../generated/curfew/options/v1/options.js";
import type { ConnectionBudget } from "../budgets/connection_budget.js";
import type { OnRefused } from "../budgets/refusal.js";
import type { RpcChannel } from "../rpc_channel.js";
import { type OAuthClient, readClient } from "./client.js";
import { type Form, parseForm, requireParameter } from "./form.js";
import { introspect } from "./introspect.js";
import { installMetadata } from "./metadata.js";
import type { OAuthRequest } from "./oauth_call.js";
import { invalidClient, OAuthError } from "./oauth_error.js";
import { createOAuthReply } from "./oauth_reply.js";
import { revoke } from "./revoke.js";
import { grantTokens } from "./token.js";
import { createTokenChecks } from "./token_checks.js";

/** The parts of the OAuth endpoints. */
export interface OAuthParts {
  readonly channel: RpcChannel;
  readonly connections: Pick<ConnectionBudget, "prove">;
  /** `iss` of the access tokens. */
  readonly issuer: string;
  /** Access classes whose methods need no credential. */
  readonly openAccess: ReadonlySet<Access>;
  readonly onRefused: OnRefused;
  /** Reads the text of a body within the bounds of the gateway. */
  readonly readBody: (request: FastifyRequest) => Promise<string>;
}

const FORM_TYPE = "application/x-www-form-urlencoded";
const FORM_IN_UTF8 = /^application\/x-www-form-urlencoded\s*(;\s*charset="?utf-?8"?\s*)?$/i;
const OTHER_METHODS = ["GET", "PUT", "PATCH", "DELETE"];
const ALLOW = ["OPTIONS", "POST"];
const SERVICE_KEY = /^bearer cfs_/i;

/** Answers the form of one POST. A result of undefined is an empty 200. */
export type OAuthEndpoint = (form: Form, http: OAuthRequest) => Promise<object | undefined>;

const formOf = ({ body }: FastifyRequest): Form => (body instanceof Map ? body : new Map());

/** Routes an endpoint that takes POST alone (RFC 7662 section 2.1, RFC 7009 section 2.1, RFC 6749 section 3.2). */
const addEndpoint = (app: FastifyInstance, url: string, endpoint: OAuthEndpoint): void => {
  app.post(url, { config: { allow: ALLOW } }, async (request, reply: FastifyReply) => {
    const answer = await endpoint(formOf(request), { request, reply });
    reply.header("pragma", "no-cache");
    return answer === undefined ? reply.code(200).send() : reply.send(answer);
  });
  app.route({
    method: OTHER_METHODS,
    url,
    config: { allow: ALLOW },
    onRequest({ method }, _reply, done) {
      const text = `This endpoint takes POST, not ${method}.`;
      done(new OAuthError(405, "invalid_request", text, { allow: ALLOW }));
    },
    handler: async () => undefined,
  });
};

/**
 * Serves the OAuth endpoints: token introspection (RFC 7662), token revocation (RFC 7009),
 * the exchange of tokens (RFC 8693, RFC 6749) and the metadata documents (RFC 8414). They take forms and answer failures in OAuth's
 * words, and call the same methods of the service as everything else.
 */
export const installOAuth = async (app: FastifyInstance, parts: OAuthParts): Promise<void> => {
  const { channel, connections, issuer, openAccess } = parts;
  installMetadata(app, channel, issuer);
  const introspector = { channel, issuer, checkToken: createTokenChecks(channel) };

  /** @throws OAuthError 401 for a client without the credential that introspection needs */
  const requireService = ({ method, authorization = "" }: OAuthClient): void => {
    if (openAccess.has(Access.SERVICE)) return;
    if (method === "none") throw invalidClient("Authenticate with a service key.");
    if (method === "bearer" && !SERVICE_KEY.test(authorization))
      throw invalidClient("The bearer token is not a service key.");
  };

  await app.register(async (oauth) => {
    oauth.removeAllContentTypeParsers();
    oauth.addContentTypeParser(FORM_TYPE, async (request: FastifyRequest) => {
      if (!FORM_IN_UTF8.test(request.headers["content-type"] ?? ""))
        throw new OAuthError(415, "invalid_request", "Send the parameters in UTF-8.");
      return parseForm(await parts.readBody(request));
    });
    oauth.setErrorHandler(createOAuthReply(parts.onRefused));

    addEndpoint(oauth, "/oauth/introspect", async (form, http) => {
      const client = readClient(http.request, form);
      requireService(client);
      const token = requireParameter(form, "token");
      const answer = await introspect(introspector, token, http, client.authorization);
      connections.prove(http.request.raw.socket);
      return answer;
    });

    addEndpoint(oauth, "/oauth/token", async (form, http) => {
      const { id } = readClient(http.request, form);
      return grantTokens(channel, form, id, http);
    });

    addEndpoint(oauth, "/oauth/revoke", async (form, http) => {
      readClient(http.request, form);
      await revoke(channel, requireParameter(form, "token"), http);
      return undefined;
    });
  });
};
