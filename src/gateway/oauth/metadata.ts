import { Metadata } from "@grpc/grpc-js";
import type { FastifyInstance } from "fastify";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { ProblemError } from "../problem.js";
import type { RpcChannel } from "../rpc_channel.js";
import { GRANT_TYPES } from "./token.js";

const DEADLINE_MS = 2000;
const OPENID_PATH = "/.well-known/openid-configuration";
const OAUTH_PATH = "/.well-known/oauth-authorization-server";

/** The issuer as an URL; undefined for one that is only a name. */
const issuerUrl = (issuer: string): URL | undefined => {
  if (!/^https?:\/\//.test(issuer) || !URL.canParse(issuer)) return undefined;
  const url = new URL(issuer);
  return url.search === "" && url.hash === "" ? url : undefined;
};

/**
 * Metadata of the authorization server (RFC 8414, OpenID Connect Discovery): only what
 * exists. Endpoints are below the issuer's URL.
 *
 * @param algorithms of the keys that are published
 */
export const metadataOf = (issuer: string, algorithms: readonly string[]) => {
  const base = issuer.replace(/\/$/, "");
  return {
    issuer,
    jwks_uri: `${base}/.well-known/jwks.json`,
    token_endpoint: `${base}/oauth/token`,
    token_endpoint_auth_methods_supported: ["none"],
    introspection_endpoint: `${base}/oauth/introspect`,
    introspection_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
    revocation_endpoint: `${base}/oauth/revoke`,
    revocation_endpoint_auth_methods_supported: ["none"],
    response_types_supported: [],
    grant_types_supported: GRANT_TYPES,
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: algorithms,
  };
};

/**
 * Serves the metadata documents. The algorithms are those of the keys that the service
 * publishes at the time: after a change of JWT_ALGORITHM both the old and the new one.
 *
 * An issuer with a path has the document of RFC 8414 section 3.1 also at
 * `/.well-known/oauth-authorization-server/<path>`.
 */
export const installMetadata = (
  app: FastifyInstance,
  channel: RpcChannel,
  issuer: string,
): void => {
  const url = issuerUrl(issuer);
  const path = url?.pathname.replace(/\/$/, "") ?? "";
  const { getJwks } = AuthServiceService;
  const serve = async () => {
    if (url === undefined) {
      const detail = "There is no metadata: JWT_ISSUER is a name, not the URL of this service.";
      throw new ProblemError(404, "not_found", detail);
    }
    const request = getJwks.requestSerialize({});
    const call = channel.unary(getJwks.path, request, new Metadata(), DEADLINE_MS);
    const { keys } = getJwks.responseDeserialize(await call.response);
    return metadataOf(issuer, [...new Set(keys.map(({ alg }) => alg))]);
  };
  const paths = new Set([OPENID_PATH, OAUTH_PATH, `${OAUTH_PATH}${path}`]);
  for (const at of paths) {
    app.get(at, async (_request, reply) => {
      const document = await serve();
      return reply.header("cache-control", "public, max-age=300").send(document);
    });
  }
};
