import {
  constants,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from "node:http2";
import type { Server, ServerCredentials } from "@grpc/grpc-js";
import type { RpcLimits } from "./limits.js";

/** What grpc-js has no public way to, and a test watches over. */
interface ServerInternals {
  createHttp2Server(credentials: ServerCredentials): Http2Server | Http2SecureServer;
  readonly commonServerOptions: ServerOptions;
}

/** Sees the headers of every call before grpc-js does, and may change them. */
export type HeadersListener = (headers: IncomingHttpHeaders, rawHeaders: readonly string[]) => void;

const isInternals = (server: object): server is ServerInternals =>
  "createHttp2Server" in server &&
  typeof server.createHttp2Server === "function" &&
  "commonServerOptions" in server &&
  typeof server.commonServerOptions === "object";

/** The connections of a server. */
export interface Connections {
  /** Cuts all of them off. */
  destroy(): void;
}

/**
 * Reaches through to the HTTP/2 servers that grpc-js is going to make: for the
 * limits it has no option for, for headers that Node hides from it, and for the
 * connections, which its forceShutdown forgets when channelz is off.
 *
 * @throws Error if this version of grpc-js has other internals: better no
 * server than one without its checks
 */
export const prepareHttp2 = (
  server: Server,
  limits: RpcLimits,
  listener: HeadersListener,
): Connections => {
  if (!isInternals(server)) {
    throw new Error("this version of @grpc/grpc-js is not supported: install the pinned one");
  }
  const internals: ServerInternals = server;
  const options = internals.commonServerOptions;
  options.maxHeaderListPairs = 64;
  options.settings = { ...options.settings, maxHeaderListSize: limits.metadataBytes };

  const sessions = new Set<ServerHttp2Session>();
  const onSession = (session: ServerHttp2Session): void => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  };
  const onStream = (
    _stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    _flags: number,
    rawHeaders: readonly string[],
  ): void => listener(headers, rawHeaders);

  const create = internals.createHttp2Server.bind(server);
  internals.createHttp2Server = (credentials) => {
    const http2Server = create(credentials);
    http2Server.maxConnections = limits.connections;
    http2Server.prependListener("session", onSession);
    http2Server.prependListener("stream", onStream);
    return http2Server;
  };
  return {
    destroy: () => {
      for (const session of sessions) session.destroy(undefined, constants.NGHTTP2_CANCEL);
    },
  };
};
