import type { MethodDefinition } from "@grpc/grpc-js";
import type { FastifyReply, FastifyRequest } from "fastify";
import { callMetadata } from "../call_metadata.js";
import type { RpcChannel } from "../rpc_channel.js";

/** What the text of every refresh token begins with. */
export const REFRESH_TOKEN_PREFIX = "cfr_";

/** Milliseconds until an endpoint gives up: the longest deadline of the methods that are called here. */
const DEADLINE_MS = 10_000;

/** One request at an OAuth endpoint. */
export interface OAuthRequest {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/**
 * Calls a unary method of the service for a request, and ends the call if the client goes away.
 * Texts come in English: `error_description` is ASCII (RFC 6749 section 5.2).
 *
 * @param authorization the caller's credential; undefined: none
 * @returns the response; rejects with a ServiceError
 */
export const callService = async <Input, Output>(
  channel: RpcChannel,
  method: Pick<
    MethodDefinition<Input, Output>,
    "path" | "requestSerialize" | "responseDeserialize"
  >,
  input: Input,
  { request, reply }: OAuthRequest,
  authorization: string | undefined,
): Promise<Output> => {
  const metadata = callMetadata(request, authorization);
  metadata.set("accept-language", "en");
  const call = channel.unary(method.path, method.requestSerialize(input), metadata, DEADLINE_MS);
  reply.raw.once("close", call.cancel);
  return method.responseDeserialize(await call.response);
};
