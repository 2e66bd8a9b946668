import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";

const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;

/** Where grpc-js keeps the HTTP/2 stream of a call; not part of its types. */
interface CallOfStream {
  readonly stream?: {
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
