import type {
  Http2Session,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Stream,
  ServerStreamResponseOptions,
} from "node:http2";
import { TLSSocket } from "node:tls";
import { Metadata, type ServerInterceptingCallInterface, status } from "@grpc/grpc-js";
import type { ServedMethod } from "./grpc_internals.js";
import type { OutgoingStatus } from "./interceptors/interceptor.js";

/** What grpc-js tells a call's handler; it does not export the type. */
type Listener = Parameters<ServerInterceptingCallInterface["start"]>[0];

type ConnectionInfo = ReturnType<ServerInterceptingCallInterface["getConnectionInfo"]>;

/** One byte that says whether the message is compressed, four of its length. */
const HEAD_BYTES = 5;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Headers that are no metadata. */
const OF_THE_PROTOCOL: ReadonlySet<string> = new Set([
  "accept-encoding",
  "content-type",
  "grpc-accept-encoding",
  "grpc-encoding",
  "grpc-timeout",
  "te",
]);

const STATUS_HEADERS: OutgoingHttpHeaders = {
  ":status": 200,
  "content-type": "application/grpc+proto",
};
const RESPONSE_HEADERS: OutgoingHttpHeaders = {
  ...STATUS_HEADERS,
  "grpc-accept-encoding": "identity,deflate,gzip",
  "grpc-encoding": "identity",
};
const OK_TRAILERS: OutgoingHttpHeaders = { "grpc-status": status.OK, "grpc-message": "OK" };
const WITH_TRAILERS: ServerStreamResponseOptions = { waitForTrailers: true };
const WITHOUT_MESSAGE: ServerStreamResponseOptions = { endStream: true };

const ignore = (): void => undefined;

/**
 * The HTTP/2 stream of one unary call, below the interceptors (gRPC over HTTP2,
 * "Requests" and "Responses"). It takes the place of grpc-js's own, which is
 * made for streams of messages and costs a unary call a sixth of its time
 * (bench/profiles/validate.md). Who calls cannot tell which of the two answers:
 * a test holds them side by side. Only half a second message is refused here.
 */
export class UnaryTransport implements ServerInterceptingCallInterface {
  /** Also for when the call is over, and with it what the stream knows of its connection. */
  readonly #connection: ConnectionInfo;
  #listener: Listener | undefined;
  #deadline = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** What has come of the request, and how much of it is the message with its head, once that is known. */
  #parts: Buffer[] = [];
  #received = 0;
  #expected: number | undefined;
  #isComplete = false;
  #isRead = false;
  /** Whether the listener waits for what comes next. */
  #isWanted = false;
  #response: Buffer | undefined;
  /** Whether the call has a status, or nobody to tell it to. */
  #isOver = false;

  /** @param messageBytes the most of one message */
  constructor(
    /** Where grpc-js keeps it as well. */
    readonly stream: ServerHttp2Stream,
    private readonly headers: IncomingHttpHeaders,
    private readonly method: ServedMethod,
    private readonly messageBytes: number,
    timeoutMs: number,
  ) {
    this.#connection = connectionOf(stream.session);
    stream.on("error", ignore);
    stream.on("close", () => this.#close());
    if (timeoutMs === Number.POSITIVE_INFINITY) return;
    this.#deadline = Date.now() + timeoutMs;
    this.#timer = setTimeout(
      () => this.#fail(status.DEADLINE_EXCEEDED, "Deadline exceeded"),
      Math.min(timeoutMs, LONGEST_TIMER_MS),
    );
  }

  start(listener: Listener): void {
    this.#listener = listener;
    listener.onReceiveMetadata(metadataOf(this.headers));
  }

  startRead(): void {
    this.#isWanted = true;
    if (this.#isRead) {
      this.#deliver();
      return;
    }
    // Not before: what nobody wants to read yet is held back by flow control.
    this.stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.stream.on("end", () => {
      this.#isComplete = true;
      this.#deliver();
    });
  }

  sendMetadata(metadata: Metadata): void {
    if (this.#isGone() || this.stream.headersSent) return;
    this.stream.respond({ ...RESPONSE_HEADERS, ...metadata.toHttp2Headers() }, WITH_TRAILERS);
  }

  /** The message leaves together with the status. @throws what the method's serializer throws */
  sendMessage(message: unknown, callback: () => void): void {
    if (this.#isOver) return;
    const bytes = this.method.serialize(message);
    if (bytes.length > this.messageBytes) {
      const sizes = `${HEAD_BYTES + bytes.length} vs. ${this.messageBytes}`;
      this.#fail(status.RESOURCE_EXHAUSTED, `Sent message larger than max (${sizes})`);
      return;
    }
    const framed = Buffer.allocUnsafe(HEAD_BYTES + bytes.length);
    framed[0] = 0;
    framed.writeUInt32BE(bytes.length, 1);
    framed.set(bytes, HEAD_BYTES);
    this.#response = framed;
    callback();
  }

  sendStatus({ code = status.UNKNOWN, details = "", metadata }: OutgoingStatus): void {
    if (this.#isGone()) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
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
      // Nobody reads what may still come.
      stream.resume();
      return;
    }
    if (!stream.headersSent) stream.respond(RESPONSE_HEADERS, WITH_TRAILERS);
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.end(this.#response);
  }

  getPeer(): string {
    const { remoteAddress, remotePort } = this.getConnectionInfo();
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

  getConnectionInfo(): ConnectionInfo {
    return this.#connection;
  }

  getMetricsRecorder(): never {
    throw new Error("no load reports are kept of unary calls");
  }

  #receive(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#received += chunk.length;
    if (this.#isRead) {
      this.#deliver();
      return;
    }
    this.#parts.push(chunk);
    if (this.#received < HEAD_BYTES) return;
    if (this.#expected === undefined) {
      const size = this.#joined().readUInt32BE(1);
      if (size > this.messageBytes) {
        const sizes = `${size} vs ${this.messageBytes}`;
        this.#fail(status.RESOURCE_EXHAUSTED, `Received message larger than max (${sizes})`);
        return;
      }
      this.#expected = HEAD_BYTES + size;
    }
    if (this.#received >= this.#expected) this.#deliver();
  }

  /** All that has come, as one. */
  #joined(): Buffer {
    const [first] = this.#parts;
    if (first !== undefined && this.#parts.length === 1) return first;
    const joined = Buffer.concat(this.#parts);
    this.#parts = [joined];
    return joined;
  }

  /** Tells the listener what comes next: the message, another one, which there must not be, or the end. */
  #deliver(): void {
    if (!this.#isWanted || this.#isOver) return;
    const expected = this.#expected ?? Number.POSITIVE_INFINITY;
    if (this.#isRead ? this.#received > expected : this.#received >= expected) {
      this.#isWanted = false;
      const message = this.#isRead ? undefined : this.#decoded(expected);
      this.#isRead = true;
      this.#parts = [];
      if (!this.#isOver) this.#listener?.onReceiveMessage(message);
    } else if (this.#isComplete) {
      this.#isWanted = false;
      this.#listener?.onReceiveHalfClose();
    }
  }

  #decoded(end: number): unknown {
    try {
      return this.method.deserialize(this.#joined().subarray(HEAD_BYTES, end));
    } catch {
      this.#fail(status.INTERNAL, "Error deserializing request");
      return undefined;
    }
  }

  /** Ends the call without its handler having a say. */
  #fail(code: status, details: string): void {
    this.sendStatus({ code, details, metadata: null });
    this.#listener?.onCancel();
  }

  #isGone(): boolean {
    return this.#isOver || this.stream.destroyed || this.stream.closed;
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#listener?.onCancel();
  }
}

const connections = new WeakMap<Http2Session, ConnectionInfo>();
const UNKNOWN_CONNECTION: ConnectionInfo = {};

const connectionOf = (session: Http2Session | undefined): ConnectionInfo => {
  if (session === undefined) return UNKNOWN_CONNECTION;
  const known = connections.get(session);
  if (known !== undefined) return known;
  const { localAddress, localPort, remoteAddress, remotePort } = session.socket;
  const connection = { localAddress, localPort, remoteAddress, remotePort };
  connections.set(session, connection);
  return connection;
};

/** As grpc-js reads it. */
const metadataOf = (headers: IncomingHttpHeaders): Metadata => {
  const own: IncomingHttpHeaders = {};
  for (const name of Object.keys(headers))
    if (!name.startsWith(":") && !OF_THE_PROTOCOL.has(name)) own[name] = headers[name];
  return Metadata.fromHttp2Headers(own);
};
