import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { Access } from "../../generated/curfew/options/v1/options.js";
import { readBindings } from "./binding.js";
import { bodyBoundsReader } from "./budgets/body_bounds.js";
import { createBodyBudget } from "./budgets/body_budget.js";
import { boundConnections } from "./budgets/connection_budget.js";
import { DEFAULT_GATEWAY_LIMITS, type GatewayLimits } from "./budgets/limits.js";
import type { OnRefused } from "./budgets/refusal.js";
import { installClientAddresses, trustedProxies } from "./client_address.js";
import { answerConnect, answerExpectation, clientErrorAnswerer } from "./client_error.js";
import { clientModule } from "./client_module.js";
import { installCookies } from "./cookies.js";
import { docsPages } from "./docs_page.js";
import { examplePages } from "./example_page.js";
import { installHealth } from "./health.js";
import { installOAuth } from "./oauth/oauth_routes.js";
import { buildOpenApi } from "./openapi/document.js";
import type { GatewayOptions } from "./options.js";
import { createOriginCheck } from "./origin_check.js";
import { installPages } from "./pages.js";
import { badRequest } from "./problem.js";
import { createProblemReply, type ProblemReply } from "./problem_reply.js";
import { installBodyReader } from "./request_body.js";
import { requestId } from "./request_id.js";
import { createResponseReader } from "./response_json.js";
import { createRouteTable } from "./route_table.js";
import { openChannel } from "./rpc_channel.js";
import { installRpcRoutes } from "./rpc_routes.js";
import { installSecurityHeaders, pageHeaders } from "./security_headers.js";
import { installTracing } from "./tracing.js";

const DEFAULT_DEADLINE_MS = 5000;
const MAX_HEADER_BYTES = 16 * 1024;
/** The interval at which Node checks for requests that take too long. */
const CHECK_EVERY_MS = 1000;

/** RFC 9112 section 3.2; before HTTP/1.1 there was no Host. */
const refuseNoHost = (app: FastifyInstance): void => {
  app.addHook("onRequest", ({ raw }, _reply, done) => {
    const isMissing = raw.headers.host === undefined && raw.httpVersion === "1.1";
    done(isMissing ? badRequest("The request has no Host header.") : undefined);
  });
};

const createApp = (
  { logger, trustedProxies: proxies }: GatewayOptions,
  limits: GatewayLimits,
  onRefused: OnRefused,
  replyProblem: ProblemReply,
): FastifyInstance =>
  Fastify<Server, IncomingMessage, ServerResponse, FastifyBaseLogger>({
    ...(logger === false ? { logger: false } : { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    requestIdHeader: false,
    trustProxy: proxies.length > 0 ? [...proxies] : false,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    return503OnClosing: false,
    // Node would answer a request without Host itself, with an empty body.
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      requireHostHeader: false,
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: CHECK_EVERY_MS,
    },
    clientErrorHandler: clientErrorAnswerer(onRefused),
    frameworkErrors: replyProblem,
  });

/**
 * Makes the REST gateway: HTTP routes from the `google.api.http` annotations of a
 * descriptor set, answered by a service over gRPC. A new method needs no change
 * here. The service need not be up: until it is, calls answer 503.
 *
 * Serves besides: the OAuth endpoints and their metadata, `/healthz`, `/readyz`, `/openapi.json` (OpenAPI 3.1), `/docs`,
 * and in development `/example/` and `/assets/curfew-client.js`.
 *
 * @returns a Fastify instance to `listen()` with, or to `inject()` into; `close()`
 *   ends streams, waits for calls under way and closes the channel
 * @throws Error if the descriptors lack the annotations or bind a path twice, or
 *   an option is unsafe
 */
export const createGateway = async (options: GatewayOptions): Promise<FastifyInstance> => {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, options.descriptors));
  const bindings = readBindings(registry);
  const routes = createRouteTable(bindings);
  const document = JSON.stringify(buildOpenApi(registry, bindings));

  const limits = { ...DEFAULT_GATEWAY_LIMITS, ...options.limits };
  const onRefused = options.onRefused ?? (() => undefined);
  const replyProblem = createProblemReply(options.localize, onRefused);
  const app = createApp(options, limits, onRefused, replyProblem);
  app.setErrorHandler(replyProblem);
  const isTrusted = trustedProxies(options.trustedProxies);
  const connections = boundConnections(app.server, limits, isTrusted, onRefused);
  installClientAddresses(app, isTrusted, connections.peerOf);
  installTracing(app, isTrusted, options.beginRequest);
  app.server.on("connect", answerConnect).on("checkExpectation", answerExpectation);
  await installSecurityHeaders(app, options);
  refuseNoHost(app);
  installCookies(app, options.cookieSameSite ?? "strict");

  const channel = openChannel(options);
  const openAccess = options.openAccess ?? new Set([Access.PUBLIC]);
  const readBody = installBodyReader(app, {
    channel,
    boundsOf: bodyBoundsReader(registry, options.requestBytes),
    budget: createBodyBudget(limits),
    openAccess,
    onRefused,
  });
  app.addHook("onClose", async () => channel.close());
  app.addHook("preClose", async () => channel.endStreams());
  installRpcRoutes(app, {
    routes,
    channel,
    connections,
    readResponse: createResponseReader(registry),
    checkOrigin: createOriginCheck(new Set(options.corsOrigins)),
    defaultDeadlineMs: options.defaultDeadlineMs ?? DEFAULT_DEADLINE_MS,
  });
  const { issuer } = options;
  await installOAuth(app, { channel, connections, issuer, openAccess, onRefused, readBody });
  installHealth(app, channel);
  app.get("/openapi.json", async (_request, reply) =>
    reply.type("application/json").send(document),
  );
  const page = await pageHeaders(options.development);
  installPages(app, docsPages(), { ...page, "cache-control": "public, max-age=3600" });
  if (options.development) {
    installPages(app, await examplePages(), page);
    app.get("/", async (_request, reply) => reply.redirect("/example/"));
    app.get("/example", async (_request, reply) => reply.redirect("/example/", 308));
    installPages(app, await clientModule(), page);
  }
  await app.ready();
  return app;
};
