import type { IncomingHttpHeaders } from "node:http2";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";
import type { GrpcInternals } from "./grpc_internals.js";
import { UnaryTransport } from "./unary_transport.js";

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const MS_OF_UNIT: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** Milliseconds; undefined: it is not as the protocol has it. */
const timeoutOf = (header: string | string[] | undefined): number | undefined => {
  if (header === undefined) return Number.POSITIVE_INFINITY;
  const [, count, unit = ""] = TIMEOUT.exec(String(header)) ?? [];
  const unitMs = MS_OF_UNIT[unit];
  return unitMs === undefined ? undefined : Number(count) * unitMs;
};

const isPlain = (headers: IncomingHttpHeaders): boolean =>
  headers["content-type"]?.startsWith("application/grpc") === true &&
  (headers["grpc-encoding"] ?? "identity") === "identity";

/**
 * Serves unary calls by a transport of ours. Streams, compressed requests and
 * whatever is out of the ordinary stay with grpc-js.
 *
 * @param intercept puts a call of the path through the interceptors
 */
export const takeUnaryCalls = (
  internals: GrpcInternals,
  intercept: (
    path: string,
    call: ServerInterceptingCallInterface,
  ) => ServerInterceptingCallInterface,
  messageBytes: number,
): void => {
  const serve = internals._streamHandler.bind(internals);
  internals._streamHandler = (interceptors, stream, headers) => {
    const method = internals.handlers.get(headers[":path"] ?? "");
    const timeoutMs = timeoutOf(headers["grpc-timeout"]);
    if (method?.type !== "unary" || timeoutMs === undefined || !isPlain(headers)) {
      serve(interceptors, stream, headers);
      return;
    }
    internals.onStreamOpened(stream);
    const transport = new UnaryTransport(stream, headers, method, messageBytes, timeoutMs);
    internals._runHandlerForCall(intercept(method.path, transport), method);
  };
};
