import { Readable } from "node:stream";
import { toBinary } from "@bufbuild/protobuf";
import type { FastifyReply, FastifyRequest } from "fastify";
import { callMetadata } from "./call_metadata.js";
import { problemOf } from "./problem.js";
import { problemFrom } from "./problem_reply.js";
import type { ResponseReader } from "./response_json.js";
import type { RpcChannel } from "./rpc_channel.js";
import type { PreparedCall } from "./unary_reply.js";

interface Framing {
  readonly contentType: string;
  message(json: string): string;
  problem(json: string): string;
}

/** Server-sent events (HTML Standard section 9.2): `message` events, `problem` as the last. */
const EVENTS: Framing = {
  contentType: "text/event-stream",
  message: (json) => `data: ${json}\n\n`,
  problem: (json) => `event: problem\ndata: ${json}\n\n`,
};

/** One JSON value a line; a failure is a last line `{"error": problem}`. */
const LINES: Framing = {
  contentType: "application/x-ndjson",
  message: (json) => `${json}\n`,
  problem: (json) => `{"error":${json}}\n`,
};

const framingFor = ({ headers }: FastifyRequest): Framing =>
  headers.accept?.includes(EVENTS.contentType) ? EVENTS : LINES;

/**
 * Calls a server-streaming method and forwards its messages as they arrive, in the framing of the `Accept` header. A
 * failure before the first message is an ordinary problem. The call ends when the client disconnects.
 */
export const replyStream = async (
  channel: RpcChannel,
  readResponse: ResponseReader,
  { binding, message, authorization, deadlineMs }: PreparedCall,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> => {
  const { path, method } = binding.rpc;
  const framing = framingFor(request);
  const call = channel.stream(
    path,
    toBinary(method.input, message),
    callMetadata(request, authorization),
    deadlineMs,
  );
  reply.raw.once("close", () => call.cancel());
  const messages: AsyncIterator<Buffer> = call[Symbol.asyncIterator]();
  const first = await messages.next();

  async function* body(): AsyncGenerator<string> {
    try {
      for (let next = first; !next.done; next = await messages.next()) {
        yield framing.message(JSON.stringify(readResponse(binding, next.value)));
      }
    } catch (error) {
      yield framing.problem(JSON.stringify(problemOf(problemFrom(error), request.id)));
    }
  }
  return reply
    .header("cache-control", "no-store")
    .header("x-accel-buffering", "no")
    .type(framing.contentType)
    .send(Readable.from(body()));
};
