import { type Message, toBinary } from "@bufbuild/protobuf";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Access } from "../../generated/curfew/options/v1/options.js";
import type { Binding } from "./binding.js";
import { callMetadata } from "./call_metadata.js";
import { problemFrom } from "./problem_reply.js";
import type { ResponseReader } from "./response_json.js";
import type { RpcChannel } from "./rpc_channel.js";
import type { SessionOutcome } from "./session_exchange.js";

/** A request that is ready to be sent to the service. */
export interface PreparedCall {
  readonly binding: Binding;
  readonly message: Message;
  readonly authorization: string | undefined;
  readonly outcome: SessionOutcome | undefined;
  /** 0: none. */
  readonly deadlineMs: number;
}

/** A public read is alike for everybody; all else is for its caller alone. */
const cacheControl = ({ verb, rpc }: Binding): string =>
  verb === "GET" && rpc.access === Access.PUBLIC ? "public, max-age=300" : "no-store";

/** Calls a unary method and resolves to the answer's JSON; ends the call if the client goes away. */
export const replyUnary = async (
  channel: RpcChannel,
  readResponse: ResponseReader,
  prepared: PreparedCall,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<string> => {
  const { binding, message, outcome } = prepared;
  const { path, method } = binding.rpc;
  const call = channel.unary(
    path,
    toBinary(method.input, message),
    callMetadata(request, prepared.authorization),
    prepared.deadlineMs,
  );
  reply.raw.once("close", call.cancel);
  let bytes: Buffer;
  try {
    bytes = await call.response;
  } catch (error) {
    outcome?.failed(reply, problemFrom(error));
    throw error;
  }
  const answer = readResponse(binding, bytes);
  outcome?.succeeded(reply, answer);
  reply.header("cache-control", cacheControl(binding)).type("application/json");
  return JSON.stringify(answer);
};
