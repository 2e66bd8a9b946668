import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";

const OK = 0;
const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;

/** Where grpc-js keeps the HTTP/2 stream of a call; not part of its types. */
interface CallOfStream {
  readonly stream?: {
    readonly closed: boolean;
    readonly destroyed: boolean;
    /** The code of RST_STREAM; 0: the stream ended in good order. */
    readonly rstCode: number;
    once(event: "close", listener: () => void): unknown;
    readonly sentHeaders?: OutgoingHttpHeaders | IncomingHttpHeaders;
    readonly sentTrailers?: OutgoingHttpHeaders | IncomingHttpHeaders;
  };
}

/**
 * The code of a call that is over without a status of ours: grpc-js sent its
 * own (deadline, message too large), or nobody sent one and the caller went away.
 */
export const codeSentBy = (call: ServerInterceptingCallInterface): number => {
  const { stream } = call as CallOfStream;
  const sent = stream?.sentTrailers?.["grpc-status"] ?? stream?.sentHeaders?.["grpc-status"];
  if (sent !== undefined) return Number(sent);
  return Number(call.getDeadline()) <= Date.now() ? DEADLINE_EXCEEDED : CANCELLED;
};

/**
 * Calls back once the stream of a call has closed, or at once if it has.
 *
 * @param listener told whether an OK status left on it, and with it the message
 * before it, and the caller had not reset the stream by then
 */
export const whenStreamCloses = (
  call: ServerInterceptingCallInterface,
  listener: (isSent: boolean) => void,
): void => {
  const { stream } = call as CallOfStream;
  const report = (): void =>
    listener(stream?.rstCode === 0 && Number(stream.sentTrailers?.["grpc-status"]) === OK);
  if (stream === undefined || stream.closed || stream.destroyed) report();
  else stream.once("close", report);
};
