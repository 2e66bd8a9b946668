import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Access } from "../../generated/curfew/options/v1/options.js";
import type { ConnectionBudget } from "./budgets/connection_budget.js";
import { readCredential, takesSession } from "./credential.js";
import type { OriginCheck } from "./origin_check.js";
import { methodNotAllowed } from "./problem.js";
import { readMessage } from "./request_message.js";
import type { ResponseReader } from "./response_json.js";
import type { RouteMatch, RouteTable } from "./route_table.js";
import type { RpcChannel } from "./rpc_channel.js";
import { announceSession } from "./session_cookies.js";
import { sessionExchangeOf } from "./session_exchange.js";
import { replyStream } from "./stream_reply.js";
import { type PreparedCall, replyUnary } from "./unary_reply.js";

declare module "fastify" {
  interface FastifyRequest {
    /** The binding that the request matched; null on routes that are no method's. */
    route: RouteMatch | null;
  }
  interface FastifyContextConfig {
    /** The methods of a path that is not a page. */
    readonly allow?: readonly string[];
  }
}

/** The parts of the routes of methods. */
export interface RpcRoutes {
  readonly routes: RouteTable;
  readonly channel: RpcChannel;
  readonly connections: Pick<ConnectionBudget, "prove">;
  readonly readResponse: ResponseReader;
  readonly checkOrigin: OriginCheck;
  /** Of unary methods that declare none, in milliseconds. */
  readonly defaultDeadlineMs: number;
}

/** Path and query of a request, percent-encoded. */
const splitUrl = (url: string): readonly [string, string] => {
  const at = url.indexOf("?");
  return at === -1 ? [url, ""] : [url.slice(0, at), url.slice(at + 1)];
};

const prepare = (
  request: FastifyRequest,
  reply: FastifyReply,
  { binding, variables }: RouteMatch,
  { checkOrigin, defaultDeadlineMs }: RpcRoutes,
): PreparedCall => {
  const { rpc } = binding;
  const exchange = sessionExchangeOf(rpc);
  const takesCookie = exchange?.takesCookie ?? takesSession(rpc.access);
  const credential = readCredential(request, takesCookie, checkOrigin);
  if (credential.inCookie && credential.cookies) announceSession(reply, credential.cookies);
  const message = readMessage(binding, {
    variables,
    query: splitUrl(request.raw.url ?? "")[1],
    body: typeof request.body === "string" ? request.body : "",
  });
  const streams = rpc.method.methodKind !== "unary";
  return {
    binding,
    message,
    authorization: credential.authorization,
    outcome: exchange?.begin(request, message, credential, checkOrigin),
    deadlineMs: rpc.deadlineMs || (streams ? 0 : defaultDeadlineMs),
  };
};

const PAGE_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** The methods of the paths that are not in the proto; complete once the app is ready. */
const collectPages = (app: FastifyInstance): ReadonlyMap<string, readonly string[]> => {
  const pages = new Map<string, readonly string[]>();
  app.addHook("onRoute", ({ url, config }) => {
    if (!url.includes("*")) pages.set(url, config?.allow ?? PAGE_METHODS);
  });
  return pages;
};

/**
 * Serves every binding of the table. One wildcard route carries them, for path
 * templates say more than the router's own patterns; the binding is found before
 * the body is read, so an unknown path costs nothing.
 */
export const installRpcRoutes = (app: FastifyInstance, parts: RpcRoutes): void => {
  const { routes, channel, readResponse, connections } = parts;
  const pages = collectPages(app);
  const find = (verb: string, path: string): RouteMatch => {
    const allow = pages.get(path);
    if (allow) throw methodNotAllowed(verb, allow);
    return routes.find(verb, path);
  };
  app.decorateRequest("route", null);
  app.route({
    method: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    url: "/*",
    onRequest(request, _reply, done) {
      request.route = find(request.method, splitUrl(request.raw.url ?? "")[0]);
      done();
    },
    handler(request, reply) {
      if (!request.route) throw new Error("the route was not looked up");
      const prepared = prepare(request, reply, request.route, parts);
      const answer = prepared.binding.rpc.method.methodKind === "unary" ? replyUnary : replyStream;
      const { access } = prepared.binding.rpc;
      if (access !== Access.PUBLIC) {
        reply.raw.once("finish", () => {
          if (reply.statusCode < 300) connections.prove(request.raw.socket);
        });
      }
      return answer(channel, readResponse, prepared, request, reply);
    },
  });
  app.setNotFoundHandler(async (request, reply) => {
    const path = splitUrl(request.raw.url ?? "")[0];
    const allow = pages.get(path) ?? routes.allowed(path);
    if (request.method === "OPTIONS" && allow) {
      return reply.code(204).header("allow", allow.join(", ")).send();
    }
    find(request.method, path);
    throw new Error("a path that the table knows was not routed");
  });
};
