import type {
  Http2SecureServer,
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { Server, ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { ANONYMOUS_WINDOW_BYTES, type Connections } from "../budgets/connections.js";
import { type MemoryLimits, RequestMemory } from "../budgets/request_memory.js";
import { grpcServerOf } from "./grpc_server.js";
import { WireCall, type WireMethod } from "./wire_call.js";

export interface WireLimits extends MemoryLimits {
  readonly connections: number;
  /** Milliseconds for the handshake of TLS. */
  readonly handshakeMs: number;
  /** Bytes of a call's metadata, as HTTP/2 counts them. */
  readonly metadataBytes: number;
}

/** Finds the method of a path. Unknown paths have a method, too. */
export type MethodOf = (path: string) => WireMethod;

/** Puts a call of a method through the interceptors. */
export type Intercept = (path: string, call: WireCall) => ServerInterceptingCallInterface;

const MAX_HEADERS = 64;
const UNSUPPORTED_MEDIA_TYPE = 415;
/** gRPC with messages of any format. `application/grpc-web` is another protocol. */
const GRPC = /^application\/grpc(?:\+|[ \t]*(?:;|$))/;

/**
 * Serves the calls of a grpc-js server: listening, TLS, keepalive and the age of
 * connections stay with grpc-js; what happens on a stream is ours.
 */
export const serveCalls = (
  server: Server,
  connections: Connections,
  limits: WireLimits,
  methodOf: MethodOf,
  intercept: Intercept,
): void => {
  const grpc = grpcServerOf(server);
  const memory = new RequestMemory(limits);
  const options = grpc.commonServerOptions;
  Object.assign(options, {
    maxHeaderListPairs: MAX_HEADERS,
    handshakeTimeout: limits.handshakeMs,
    settings: {
      ...options.settings,
      maxHeaderListSize: limits.metadataBytes,
      initialWindowSize: ANONYMOUS_WINDOW_BYTES,
    },
  });

  const onStream = (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    _flags: number,
    rawHeaders: readonly string[],
  ): void => {
    const connection = connections.of(stream.session);
    if (connection === undefined) {
      stream.destroy();
      return;
    }
    if (!GRPC.test(headers["content-type"] ?? "")) {
      stream.on("error", () => undefined);
      stream.respond({ ":status": UNSUPPORTED_MEDIA_TYPE }, { endStream: true });
      stream.close();
      return;
    }
    const method = methodOf(headers[":path"] ?? "");
    const call = new WireCall(stream, headers, rawHeaders, method, connection, memory);
    grpc._runHandlerForCall(intercept(method.path, call), method);
  };

  const takeOver = (http2Server: Http2Server | Http2SecureServer): void => {
    const isOurs = (): boolean => typeof http2Server.address() === "string";
    http2Server.maxConnections = limits.connections;
    http2Server.prependListener("connection", (socket: Socket) => {
      if (!isOurs()) connections.accept(socket);
    });
    http2Server.prependListener("session", (session: ServerHttp2Session) =>
      connections.attach(session, isOurs()),
    );
    http2Server.removeAllListeners("stream");
    http2Server.on("stream", onStream);
  };

  const create = grpc.createHttp2Server.bind(grpc);
  grpc.createHttp2Server = (credentials) => {
    const http2Server = create(credentials);
    takeOver(http2Server);
    return http2Server;
  };
};
