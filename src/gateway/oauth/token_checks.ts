import type { FastifyRequest } from "fastify";
import {
  AuthServiceService,
  type ValidateTokenRequest,
  type ValidateTokensResult,
} from "../../../generated/curfew/v1/auth_service.js";
import type { RpcChannel } from "../rpc_channel.js";
import { beginCall } from "./oauth_call.js";

/** Most questions in one call. */
const MAX_QUESTIONS = 100;
/**
 * The maximum length of a shared token. A longer token is longer than any access token: it is sent alone, so that a
 * shared call keeps its bounds.
 */
const MAX_SHARED_LENGTH = 8192;

interface Batch {
  readonly questions: ValidateTokenRequest[];
  readonly results: Promise<readonly ValidateTokensResult[]>;
}

/**
 * Checks whether an access token is valid. Rejects with a ServiceError if the caller is refused or the service does not
 * answer.
 */
export type TokenCheck = (
  question: ValidateTokenRequest,
  request: FastifyRequest,
  authorization: string | undefined,
) => Promise<ValidateTokensResult | undefined>;

/**
 * Gathers the questions of one caller from one address in one turn of the event loop into one ValidateTokens: a call
 * costs several times as much as a question in it. The call continues if one of the clients disconnects, because the
 * others wait for it too.
 */
export const createTokenChecks = (channel: RpcChannel): TokenCheck => {
  const open = new Map<string, Batch>();

  const beginBatch = (
    key: string,
    request: FastifyRequest,
    authorization: string | undefined,
  ): Batch => {
    const questions: ValidateTokenRequest[] = [];
    const results = new Promise<void>((resolve) => setImmediate(resolve)).then(async () => {
      if (open.get(key)?.questions === questions) open.delete(key);
      const { validateTokens } = AuthServiceService;
      const input = { requests: questions };
      return (await beginCall(channel, validateTokens, input, request, authorization).response)
        .results;
    });
    return { questions, results };
  };

  return async (question, request, authorization) => {
    const isAlone = question.accessToken.length > MAX_SHARED_LENGTH;
    const key = JSON.stringify([authorization, request.clientChain, request.headers["user-agent"]]);
    let batch = isAlone ? undefined : open.get(key);
    if (batch === undefined || batch.questions.length >= MAX_QUESTIONS) {
      batch = beginBatch(key, request, authorization);
      if (!isAlone) open.set(key, batch);
    }
    const place = batch.questions.push(question) - 1;
    return (await batch.results)[place];
  };
};
