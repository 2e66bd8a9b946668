import type { ServerOptions } from "@grpc/grpc-js";
import type { CallLimits } from "./budgets/call_budgets.js";
import type { ConnectionLimits } from "./budgets/connections.js";
import type { MemoryLimits } from "./budgets/request_memory.js";

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
const MINUTE = 60_000;

/** The limits of a server (D5), and the share of them that strangers may use (D8). grpc-js has no limits of its own. */
export interface RpcLimits extends CallLimits, ConnectionLimits, MemoryLimits {
  readonly streamsPerConnection: number;
  /** Most bytes of one message in either direction, whatever its method takes. */
  readonly messageBytes: number;
  /** Bytes of a call's metadata, as HTTP/2 counts them. */
  readonly metadataBytes: number;
  /** Milliseconds until a stream that anybody may open ends. */
  readonly publicStreamMs: number;
  /** Milliseconds until a connection has to be made anew, and then until its streams are cut off. */
  readonly connectionAgeMs: number;
  readonly connectionGraceMs: number;
  /** Milliseconds between pings, and until a peer that answers none counts as gone. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Milliseconds between looks whether the credentials of open streams are still good. */
  readonly recheckMs: number;
}

export const DEFAULT_LIMITS: RpcLimits = {
  connections: 4096,
  anonymousConnections: 1024,
  anonymousConnectionsPerSource: 256,
  sessionConnections: 2048,
  handshakeMs: 10_000,
  anonymousIdleMs: MINUTE,
  streamsPerConnection: 100,
  calls: 20_000,
  publicCalls: 4000,
  publicCallsPerSource: 2000,
  publicStreams: 1000,
  publicStreamsPerSource: 100,
  pendingCalls: 4000,
  pendingCallsPerSource: 2000,
  sessionCalls: 6000,
  sessionCallsPerUser: 500,
  publicStreamMs: 10 * MINUTE,
  messageBytes: 4 * MEBIBYTE + 64 * KIBIBYTE,
  requestBytes: 64 * MEBIBYTE,
  anonymousRequestBytes: 16 * MEBIBYTE,
  anonymousRequestBytesPerConnection: 256 * KIBIBYTE,
  largeRequests: 4,
  waitingRequests: 2000,
  metadataBytes: 16 * KIBIBYTE,
  connectionAgeMs: 30 * MINUTE,
  connectionGraceMs: MINUTE,
  keepaliveMs: 30_000,
  keepaliveTimeoutMs: 10_000,
  recheckMs: 100,
};

/** The limits that grpc-js enforces. */
export const grpcOptions = (limits: RpcLimits): ServerOptions => ({
  "grpc.max_concurrent_streams": limits.streamsPerConnection,
  "grpc.max_connection_age_ms": limits.connectionAgeMs,
  "grpc.max_connection_age_grace_ms": limits.connectionGraceMs,
  "grpc.keepalive_time_ms": limits.keepaliveMs,
  "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
  // Bookkeeping of every call, for a debugging service that is not served.
  "grpc.enable_channelz": 0,
});
