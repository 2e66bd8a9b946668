import {
  constants,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { GrpcInternals } from "./grpc_internals.js";
import type { RpcLimits } from "./limits.js";

/** Sees the headers of every call before grpc-js does, and may change them. */
export type HeadersListener = (headers: IncomingHttpHeaders, rawHeaders: readonly string[]) => void;

/** The connections of a server. */
export interface Connections {
  /** Cuts all of them off. */
  destroy(): void;
}

/**
 * Reaches through to the HTTP/2 servers that grpc-js is going to make: for the
 * limits it has no option for, for headers that Node hides from it, and for the
 * connections, which its forceShutdown forgets when channelz is off.
 */
export const prepareHttp2 = (
  internals: GrpcInternals,
  limits: RpcLimits,
  listener: HeadersListener,
): Connections => {
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

  const create = internals.createHttp2Server.bind(internals);
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
