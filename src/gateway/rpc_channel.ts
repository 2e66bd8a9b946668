import {
  Client,
  type ClientReadableStream,
  type ClientUnaryCall,
  credentials as grpcCredentials,
  type Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import type { GatewayOptions } from "./options.js";

/** One call under way. */
export interface UnaryCall {
  /** The response's bytes; rejects with a ServiceError. */
  readonly response: Promise<Buffer>;
  /** Ends the call at the service too; nothing if it has ended. */
  cancel(): void;
}

/** The gateway's only way to the service: bytes in, bytes out. */
export interface RpcChannel {
  unary(path: string, request: Uint8Array, metadata: Metadata, deadlineMs: number): UnaryCall;
  /** @param deadlineMs 0: none */
  stream(
    path: string,
    request: Uint8Array,
    metadata: Metadata,
    deadlineMs: number,
  ): ClientReadableStream<Buffer>;
  /** Cancels every stream under way. */
  endStreams(): void;
  close(): void;
}

const DEFAULT_CONNECTIONS = 4;
/** Calls that share a connection, and its writes, before the next one is used. */
const CALLS_PER_CONNECTION = 32;
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;

const pass = (bytes: Buffer): Buffer => bytes;

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * grpc-js keeps a stack trace of each call for its error text, which this gateway does not use: the trace takes 3 % of
 * a request.
 */
const withoutStackTrace = <T>(run: () => T): T => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
};

/**
 * Opens the channel. Calls of one turn of the event loop go to the same
 * connection, for they are then one write; in the next turn another one comes
 * first, for each may end at another worker. One that has many calls already is
 * passed over; when all have, the one with the fewest is taken, for a server
 * bounds the streams of one connection, and slow logins must not hold up the rest.
 */
export const openChannel = (options: GatewayOptions): RpcChannel => {
  const { target, channelOptions, connections = DEFAULT_CONNECTIONS } = options;
  const credentials = options.credentials ?? grpcCredentials.createInsecure();
  const lanes = Array.from({ length: connections }, () => ({
    calls: 0,
    client: new Client(target, credentials, {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 2000,
      "grpc.keepalive_time_ms": 30_000,
      "grpc.keepalive_timeout_ms": 5000,
      "grpc.max_receive_message_length": MAX_RESPONSE_BYTES,
      "grpc.enable_channelz": 0,
      ...channelOptions,
    }),
  }));
  const streams = new Set<ClientReadableStream<Buffer>>();
  let turn = 0;
  let isTurning = false;
  const nextTurn = (): void => {
    isTurning = false;
    turn += 1;
  };
  const freeLane = () => {
    if (!isTurning) {
      isTurning = true;
      setImmediate(nextTurn);
    }
    const isFree = ({ calls }: { calls: number }) => calls < CALLS_PER_CONNECTION;
    const first = lanes[turn % lanes.length];
    return first !== undefined && isFree(first)
      ? first
      : (lanes.find(isFree) ??
          lanes.reduce((best, lane) => (lane.calls < best.calls ? lane : best)));
  };
  const deadlineOf = (deadlineMs: number) =>
    deadlineMs > 0 ? { deadline: Date.now() + deadlineMs } : {};

  return {
    unary(path, request, metadata, deadlineMs) {
      const lane = freeLane();
      lane.calls += 1;
      let call: ClientUnaryCall | undefined;
      const response = new Promise<Buffer>((resolve, reject) => {
        const done = (error: ServiceError | null, bytes?: Buffer): void => {
          lane.calls -= 1;
          call = undefined;
          if (error || !bytes) reject(error);
          else resolve(bytes);
        };
        const body = asBuffer(request);
        const deadline = deadlineOf(deadlineMs);
        call = withoutStackTrace(() =>
          lane.client.makeUnaryRequest(path, pass, pass, body, metadata, deadline, done),
        );
      });
      return { response, cancel: () => call?.cancel() };
    },
    stream(path, request, metadata, deadlineMs) {
      const lane = freeLane();
      lane.calls += 1;
      const call = lane.client.makeServerStreamRequest(
        path,
        pass,
        pass,
        asBuffer(request),
        metadata,
        deadlineOf(deadlineMs),
      );
      streams.add(call);
      call.once("status", () => {
        lane.calls -= 1;
        streams.delete(call);
      });
      return call;
    },
    endStreams() {
      for (const call of streams) call.cancel();
    },
    close() {
      for (const { client } of lanes) client.close();
    },
  };
};
