import { type Client, Metadata, type StatusObject } from "@grpc/grpc-js";
import { ErrorInfo } from "../../../generated/google/rpc/error_details.js";
import { Status } from "../../../generated/google/rpc/status.js";

/** The result of a call as received over the wire. */
export interface BareAnswer {
  /** `OK`, or the reason of the failure; empty if it has none. */
  readonly reason: string;
  /** Of gRPC. */
  readonly code: number;
  readonly text: string;
  /** `google.rpc.Status`; empty if the call succeeded. */
  readonly details: Buffer;
  /** Names of the trailing metadata. */
  readonly trailers: readonly string[];
  readonly messages: readonly Buffer[];
}

export interface BareCall {
  readonly path: string;
  /** The messages of the request, encoded or not even that. */
  readonly messages: readonly Uint8Array[];
  /** Values of `authorization`. */
  readonly authorization?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Milliseconds; a stream that is open then is cut off by us. */
  readonly deadlineMs?: number;
}

const pass = (bytes: Buffer): Buffer => bytes;

const DETAILS_KEY = "grpc-status-details-bin";
const DEFAULT_DEADLINE_MS = 30_000;

const reasonOf = (details: Buffer): string => {
  const info = Status.decode(details).details.find(({ typeUrl }) =>
    typeUrl.endsWith("/google.rpc.ErrorInfo"),
  );
  return info === undefined ? "" : ErrorInfo.decode(info.value).reason;
};

const answerOf = (
  { code, details: text, metadata }: StatusObject,
  messages: Buffer[],
): BareAnswer => {
  const [bytes] = metadata.get(DETAILS_KEY);
  const details = Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0);
  const reason = code === 0 ? "OK" : reasonOf(details);
  return { reason, code, text, details, trailers: Object.keys(metadata.getMap()).sort(), messages };
};

/**
 * Calls any method, unary or not, with bytes of the test's own: on the wire a
 * unary call is a stream of one message each way.
 */
export const bareCall = (client: Client, call: BareCall): Promise<BareAnswer> =>
  new Promise((resolve) => {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(call.metadata ?? {})) metadata.set(key, value);
    if (call.authorization !== undefined) metadata.set("authorization", call.authorization);
    const deadline = Date.now() + (call.deadlineMs ?? DEFAULT_DEADLINE_MS);
    const stream = client.makeBidiStreamRequest(call.path, pass, pass, metadata, { deadline });
    const messages: Buffer[] = [];
    stream.on("data", (message: Buffer) => messages.push(message));
    // What there is to know of it comes as the status.
    stream.on("error", () => {});
    stream.on("status", (status: StatusObject) => resolve(answerOf(status, messages)));
    for (const message of call.messages) stream.write(Buffer.from(message));
    stream.end();
  });
