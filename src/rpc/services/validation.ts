import {
  AuthServiceService,
  type StreamValidateTokensRequest,
  type ValidateTokenRequest,
  type ValidateTokensResult,
} from "../../../generated/curfew/v1/auth_service.js";
import type { CallContext } from "../call_context.js";
import { validTokenToProto } from "../conversion/valid_token.js";
import { validTokenEncoder } from "../conversion/valid_token_bytes.js";
import type { HandlersOf } from "../handlers.js";
import { enforce, type Rules } from "../rules.js";
import type { ServiceDeps } from "./service_deps.js";

const asItIs = (bytes: Buffer): Buffer => bytes;

/** The generated definition, but ValidateToken's handler answers encoded bytes (see `valid_token_bytes.ts`). */
export const AUTH_SERVICE = {
  ...AuthServiceService,
  validateToken: {
    ...AuthServiceService.validateToken,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  },
};

type Validation = Pick<
  HandlersOf<typeof AUTH_SERVICE>,
  "validateToken" | "validateTokens" | "streamValidateTokens"
>;

/** The question of the day: is this token good right now? */
export const validation = (deps: ServiceDeps, rules: Rules): Validation => {
  const { validateToken: validate, trust } = deps.core;
  const { idleTimeoutMs } = deps.settings;
  const checkRequest = rules.checkOf("curfew.v1.ValidateTokenRequest");

  const one = async (request: ValidateTokenRequest | StreamValidateTokensRequest) =>
    validTokenToProto(await validate(request), idleTimeoutMs, trust.revision());

  const result = async (
    request: ValidateTokenRequest,
    call: CallContext,
  ): Promise<ValidateTokensResult> => {
    try {
      enforce(checkRequest, request);
      return { result: { $case: "token", value: await one(request) } };
    } catch (failure) {
      return { result: { $case: "error", value: call.rpcStatus(failure) } };
    }
  };

  const encode = validTokenEncoder(idleTimeoutMs);

  return {
    validateToken: (request) => validate(request).then((token) => encode(token, trust.revision())),

    validateTokens: {
      batch: async ({ requests }, call) => ({
        results: await Promise.all(requests.map((request) => result(request, call))),
      }),
    },

    streamValidateTokens: {
      answer: async (request) => ({
        requestId: request.requestId,
        result: { $case: "token", value: await one(request) },
      }),
      refuse: ({ requestId }, failure, call) => ({
        requestId,
        result: { $case: "error", value: call.rpcStatus(failure) },
      }),
    },
  };
};
