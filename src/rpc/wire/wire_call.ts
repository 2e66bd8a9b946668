import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerStreamResponseOptions,
} from "node:http2";
import { TLSSocket } from "node:tls";
import { type Metadata, type ServerInterceptingCallInterface, status } from "@grpc/grpc-js";
import { type CurfewError, fail, invalidField, REASONS } from "../../core/errors.js";
import type { Connection, PeerAddress } from "../budgets/connection.js";
import { malformed } from "../budgets/refusal.js";
import type { RequestMemory } from "../budgets/request_memory.js";
import { IncomingRequest, type RequestMethod } from "./incoming_request.js";
import { ACCEPTED_ENCODINGS, HEAD_BYTES } from "./message_reader.js";
import { metadataOf, timeoutOf } from "./request_headers.js";

/** The events that grpc-js sends to a call's handler; grpc-js does not export the type. */
export type Listener = Parameters<ServerInterceptingCallInterface["start"]>[0];

type OutgoingStatus = Parameters<ServerInterceptingCallInterface["sendStatus"]>[0];

/** A listener that also receives failures of a call below the interceptors. */
export interface WireListener extends Listener {
  /** Has to end the call with a status. Absent: the call ends with a bare one. */
  onFailure?(failure: CurfewError): void;
}

/** A method and what its calls may use. */
export interface WireMethod extends RequestMethod {
  /** Most bytes of one message of a response. */
  readonly responseBytes: number;
}

/** How often it is looked whether an early answer has left, while the peer does not read. */
const CLOSE_RETRY_MS = 100;
const MAX_TIMER_MS = 2 ** 31 - 1;

const STATUS_HEADERS: OutgoingHttpHeaders = {
  ":status": 200,
  "content-type": "application/grpc+proto",
};
const RESPONSE_HEADERS: OutgoingHttpHeaders = {
  ...STATUS_HEADERS,
  "grpc-accept-encoding": ACCEPTED_ENCODINGS,
  "grpc-encoding": "identity",
};
const OK_TRAILERS: OutgoingHttpHeaders = { "grpc-status": status.OK, "grpc-message": "OK" };
const WITH_TRAILERS: ServerStreamResponseOptions = { waitForTrailers: true };
const WITHOUT_MESSAGE: ServerStreamResponseOptions = { endStream: true };

const BAD_TIMEOUT = {
  field: "grpc-timeout",
  description: "must be at most 8 digits and a unit of HMSmun",
};

const ignore = (): void => undefined;

/**
 * The HTTP/2 stream of one call, below the interceptors (gRPC over HTTP/2,
 * "Requests" and "Responses"). It takes the place of grpc-js's own, which cannot
 * bound a request by its method, nor close a stream that was answered early, and
 * costs a unary call a sixth of its time (bench/profiles/validate.md).
 */
export class WireCall implements ServerInterceptingCallInterface {
  readonly #timeoutMs: number | undefined;
  #listener: WireListener | undefined;
  #deadline = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  readonly #request: IncomingRequest;
  #response: Buffer | undefined;
  /** Whether the call has a status, or no connection to send one on. */
  #isOver = false;
  #isOkSent = false;

  constructor(
    readonly stream: ServerHttp2Stream,
    private readonly headers: IncomingHttpHeaders,
    private readonly rawHeaders: readonly string[],
    private readonly method: WireMethod,
    readonly connection: Connection,
    memory: RequestMemory,
  ) {
    this.#request = new IncomingRequest(stream, headers, method, connection, memory, {
      onMessage: (message) => this.#listener?.onReceiveMessage(message),
      onEnd: () => this.#listener?.onReceiveHalfClose(),
      onFailure: (failure) => this.#fail(failure),
    });
    connection.beginCall();
    stream.on("error", ignore);
    stream.on("close", () => this.#close());
    this.#timeoutMs = timeoutOf(headers);
    if (this.#timeoutMs === undefined || this.#timeoutMs === Number.POSITIVE_INFINITY) return;
    this.#deadline = Date.now() + this.#timeoutMs;
    this.#timer = setTimeout(
      () => this.#fail(fail("DEADLINE_EXCEEDED")),
      Math.min(this.#timeoutMs, MAX_TIMER_MS),
    );
  }

  /** The caller's credential is good: the request may wait for memory. */
  admitRequest(): void {
    this.#request.isTrusted = true;
  }

  start(listener: WireListener): void {
    this.#listener = listener;
    listener.onReceiveMetadata(metadataOf(this.headers, this.rawHeaders));
    if (this.#timeoutMs === undefined) this.#fail(malformed(BAD_TIMEOUT));
  }

  startRead(): void {
    if (!this.#isOver) this.#request.read();
  }

  sendMetadata(metadata: Metadata): void {
    if (this.#isGone() || this.stream.headersSent) return;
    this.stream.respond({ ...RESPONSE_HEADERS, ...metadata.toHttp2Headers() }, WITH_TRAILERS);
  }

  /** The message of a unary call is sent together with the status. @throws the error of the method's serializer */
  sendMessage(message: unknown, callback: () => void): void {
    if (this.#isGone()) return;
    const bytes = this.method.serialize(message);
    const { responseBytes } = this.method;
    if (bytes.length > responseBytes) {
      this.#fail(
        invalidField(
          "request",
          `must ask for less: the response is larger than ${responseBytes} bytes`,
        ),
      );
      return;
    }
    const framed = Buffer.allocUnsafe(HEAD_BYTES + bytes.length);
    framed[0] = 0;
    framed.writeUInt32BE(bytes.length, 1);
    framed.set(bytes, HEAD_BYTES);
    if (this.method.type === "unary") {
      this.#response = framed;
      callback();
      return;
    }
    if (!this.stream.headersSent) this.stream.respond(RESPONSE_HEADERS, WITH_TRAILERS);
    this.stream.write(framed, (error) => {
      if (!error) callback();
    });
  }

  sendStatus({ code = status.UNKNOWN, details = "", metadata }: OutgoingStatus): void {
    if (this.#isGone()) return;
    this.#end();
    const { stream } = this;
    const trailers =
      code === status.OK && !metadata
        ? OK_TRAILERS
        : {
            "grpc-status": code,
            "grpc-message": encodeURI(details),
            ...metadata?.toHttp2Headers(),
          };
    if (this.#response === undefined && !stream.headersSent) {
      stream.respond({ ...STATUS_HEADERS, ...trailers }, WITHOUT_MESSAGE);
      if (!this.#request.isComplete) setImmediate(() => this.#closeEarly());
      return;
    }
    if (!stream.headersSent) stream.respond(RESPONSE_HEADERS, WITH_TRAILERS);
    stream.on("wantTrailers", () => {
      stream.sendTrailers(trailers);
      this.#isOkSent = code === status.OK;
      if (!this.#request.isComplete) setImmediate(() => this.#closeEarly());
    });
    stream.end(this.#response);
    this.#response = undefined;
  }

  /**
   * Calls back once the stream has closed, or at once if it has.
   *
   * @param listener receives whether an OK status and the message before it were sent, and the caller had not reset the
   * stream by then
   */
  whenClosed(listener: (isAnswered: boolean) => void): void {
    const { stream } = this;
    const report = (): void =>
      listener(this.#isOkSent && stream.rstCode === constants.NGHTTP2_NO_ERROR);
    if (stream.closed || stream.destroyed) report();
    else stream.once("close", report);
  }

  getPeer(): string {
    const { remoteAddress, remotePort } = this.connection.address;
    if (remoteAddress === undefined) return "unknown";
    return remotePort === undefined ? remoteAddress : `${remoteAddress}:${remotePort}`;
  }

  getDeadline(): number {
    return this.#deadline;
  }

  getHost(): string {
    return this.headers[":authority"] ?? this.headers.host ?? "";
  }

  getAuthContext(): ReturnType<ServerInterceptingCallInterface["getAuthContext"]> {
    const socket = this.stream.session?.socket;
    if (!(socket instanceof TLSSocket && socket.authorized)) return {};
    const certificate = socket.getPeerCertificate();
    return {
      transportSecurityType: "ssl",
      ...(certificate.raw && { sslPeerCertificate: certificate }),
    };
  }

  getConnectionInfo(): PeerAddress {
    return this.connection.address;
  }

  getMetricsRecorder(): never {
    throw new Error("no load reports are kept");
  }

  /** Ends the call without its handler having a say. */
  #fail(failure: CurfewError): void {
    if (this.#isGone()) return;
    const { onFailure } = this.#listener ?? {};
    if (onFailure !== undefined) onFailure.call(this.#listener, failure);
    else this.sendStatus({ code: REASONS[failure.reason].code, details: failure.reason });
  }

  /**
   * Discard the rest of a request that is answered. The server resets the stream (RFC 9113, section 8.1) after the
   * answer has left, because a reset would overtake the answer.
   */
  #closeEarly(): void {
    const { stream } = this;
    if (stream.closed || stream.destroyed) return;
    if (stream.state.localClose === 1) {
      stream.close(constants.NGHTTP2_NO_ERROR);
      // Discard the received bytes: Node keeps a stream until its bytes are read.
      stream.resume();
    } else setTimeout(() => this.#closeEarly(), CLOSE_RETRY_MS).unref();
  }

  #isGone(): boolean {
    return this.#isOver || this.stream.closed || this.stream.destroyed;
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#request.end();
  }

  #close(): void {
    this.connection.endCall();
    const wasOver = this.#isOver;
    if (!wasOver) this.#end();
    // Handlers of streams learn of every end in this way, also of their own.
    if (!wasOver || this.method.type !== "unary") this.#listener?.onCancel();
  }
}
