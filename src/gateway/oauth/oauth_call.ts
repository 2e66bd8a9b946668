import type { MethodDefinition } from "@grpc/grpc-js";
import type { FastifyReply, FastifyRequest } from "fastify";
import { callMetadata } from "../call_metadata.js";
import type { RpcChannel } from "../rpc_channel.js";

/** The prefix of every refresh token. */
export const REFRESH_TOKEN_PREFIX = "cfr_";

/** Milliseconds until an endpoint gives up: the longest deadline of the methods that are called here. */
const DEADLINE_MS = 10_000;

/** One request at an OAuth endpoint. */
export interface OAuthRequest {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** A unary method of the service. */
type Method<Input, Output> = Pick<
  MethodDefinition<Input, Output>,
  "path" | "requestSerialize" | "responseDeserialize"
>;

/**
 * Begins a call of the service for a request. Texts come in English: `error_description`
 * is ASCII (RFC 6749 section 5.2).
 *
 * @param authorization the caller's credential; undefined: none
 * @returns the response, which rejects with a ServiceError, and what ends the call
 */
export const beginCall = <Input, Output>(
  channel: RpcChannel,
  { path, requestSerialize, responseDeserialize }: Method<Input, Output>,
  input: Input,
  request: FastifyRequest,
  authorization: string | undefined,
): { readonly response: Promise<Output>; cancel(): void } => {
  const metadata = callMetadata(request, authorization);
  metadata.set("accept-language", "en");
  const call = channel.unary(path, requestSerialize(input), metadata, DEADLINE_MS);
  return { response: call.response.then(responseDeserialize), cancel: call.cancel };
};

/** Calls the service for one request, and ends the call if the client goes away. */
export const callService = <Input, Output>(
  channel: RpcChannel,
  method: Method<Input, Output>,
  input: Input,
  { request, reply }: OAuthRequest,
  authorization: string | undefined,
): Promise<Output> => {
  const { response, cancel } = beginCall(channel, method, input, request, authorization);
  reply.raw.once("close", cancel);
  return response;
};
