import type {
  Http2SecureServer,
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Stream,
  ServerOptions,
} from "node:http2";
import type { ServerCredentials, ServerInterceptingCallInterface } from "@grpc/grpc-js";

/** A method as grpc-js keeps it. */
export interface ServedMethod {
  readonly path: string;
  readonly type: "unary" | "clientStream" | "serverStream" | "bidi";
  deserialize(bytes: Buffer): unknown;
  serialize(message: unknown): Buffer;
}

/** What grpc-js's `Server` has no public way to. */
export interface GrpcInternals {
  readonly commonServerOptions: ServerOptions;
  readonly handlers: ReadonlyMap<string, ServedMethod>;
  createHttp2Server(credentials: ServerCredentials): Http2Server | Http2SecureServer;
  /** Serves a call. */
  _streamHandler(
    interceptors: unknown,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
  ): void;
  /** Has a call handled that has come through the interceptors. */
  _runHandlerForCall(call: ServerInterceptingCallInterface, method: ServedMethod): boolean;
  onStreamOpened(stream: ServerHttp2Stream): void;
}

const METHODS = ["createHttp2Server", "_streamHandler", "_runHandlerForCall", "onStreamOpened"];

const isInternals = (server: object): server is GrpcInternals =>
  METHODS.every((name) => typeof Reflect.get(server, name) === "function") &&
  typeof Reflect.get(server, "commonServerOptions") === "object" &&
  Reflect.get(server, "handlers") instanceof Map;

/** @throws Error if this version of grpc-js has other internals: better no server than one without its checks */
export const internalsOf = (server: object): GrpcInternals => {
  if (isInternals(server)) return server;
  throw new Error("this version of @grpc/grpc-js is not supported: install the pinned one");
};
