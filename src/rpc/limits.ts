import type { ServerOptions } from "@grpc/grpc-js";

const MEBIBYTE = 1024 * 1024;
const MINUTE = 60_000;

/** What a server puts up with (D5). grpc-js has no limits of its own. */
export interface RpcLimits {
  readonly connections: number;
  readonly streamsPerConnection: number;
  /** Calls at once over all connections; more are refused, not queued. */
  readonly calls: number;
  /** Bytes of one message; ValidateTokens takes 4 MiB and its framing. */
  readonly messageBytes: number;
  /** Bytes of a call's metadata, as HTTP/2 counts them. */
  readonly metadataBytes: number;
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
  streamsPerConnection: 100,
  calls: 20_000,
  messageBytes: 4 * MEBIBYTE + 64 * 1024,
  metadataBytes: 16 * 1024,
  connectionAgeMs: 30 * MINUTE,
  connectionGraceMs: MINUTE,
  keepaliveMs: 30_000,
  keepaliveTimeoutMs: 10_000,
  recheckMs: 5000,
};

/** The limits that grpc-js enforces. */
export const grpcOptions = (limits: RpcLimits): ServerOptions => ({
  "grpc.max_concurrent_streams": limits.streamsPerConnection,
  "grpc.max_receive_message_length": limits.messageBytes,
  "grpc.max_send_message_length": limits.messageBytes,
  "grpc.max_connection_age_ms": limits.connectionAgeMs,
  "grpc.max_connection_age_grace_ms": limits.connectionGraceMs,
  "grpc.keepalive_time_ms": limits.keepaliveMs,
  "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
  // Bookkeeping of every call, for a debugging service that is not served.
  "grpc.enable_channelz": 0,
});
