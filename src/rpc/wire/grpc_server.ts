import type { Http2SecureServer, Http2Server, SecureServerOptions } from "node:http2";
import type { ServerCredentials, ServerInterceptingCallInterface } from "@grpc/grpc-js";
import type { ServedMethod } from "./served_method.js";

/** What grpc-js's `Server` has no public way to: the only private names of it that are used. */
export interface GrpcServer {
  /** The options of the HTTP/2 servers that it makes. */
  readonly commonServerOptions: SecureServerOptions;
  createHttp2Server(credentials: ServerCredentials): Http2Server | Http2SecureServer;
  /** Has a call handled that has come through the interceptors. */
  _runHandlerForCall(call: ServerInterceptingCallInterface, method: ServedMethod): boolean;
}

const isGrpcServer = (server: object): server is GrpcServer =>
  typeof Reflect.get(server, "commonServerOptions") === "object" &&
  typeof Reflect.get(server, "createHttp2Server") === "function" &&
  typeof Reflect.get(server, "_runHandlerForCall") === "function";

/** @throws Error if this version of grpc-js has other internals: better no server than one without its checks */
export const grpcServerOf = (server: object): GrpcServer => {
  if (isGrpcServer(server)) return server;
  throw new Error("this version of @grpc/grpc-js is not supported: install the pinned one");
};
