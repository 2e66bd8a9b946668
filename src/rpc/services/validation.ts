import {
  AuthServiceService,
  type ValidateTokenRequest,
} from "../../../generated/curfew/v1/auth_service.js";
import type { ValidToken } from "../../core/validate_token.js";
import type { CallContext } from "../call_context.js";
import {
  encodeResults,
  encodeStreamResult,
  type ValidationResult,
} from "../conversion/result_bytes.js";
import { validTokenEncoder } from "../conversion/valid_token_bytes.js";
import type { HandlersOf } from "../handlers.js";
import { enforce, type Rules } from "../rules.js";
import type { ServiceDeps } from "./service_deps.js";

const asItIs = (bytes: Buffer): Buffer => bytes;
const inBytes = { responseSerialize: asItIs, responseDeserialize: asItIs };

/** The generated definition, but validation's handlers answer encoded bytes (see `valid_token_bytes.ts`). */
export const AUTH_SERVICE = {
  ...AuthServiceService,
  validateToken: { ...AuthServiceService.validateToken, ...inBytes },
  validateTokens: { ...AuthServiceService.validateTokens, ...inBytes },
  streamValidateTokens: { ...AuthServiceService.streamValidateTokens, ...inBytes },
};

type Validation = Pick<
  HandlersOf<typeof AUTH_SERVICE>,
  "validateToken" | "validateTokens" | "streamValidateTokens"
>;

/** The question of the day: is this token good right now? */
export const validation = (deps: ServiceDeps, rules: Rules): Validation => {
  const { validateToken: validate, trust } = deps.core;
  const checkRequest = rules.checkOf("curfew.v1.ValidateTokenRequest");
  const encodeToken = validTokenEncoder(deps.settings.idleTimeoutMs);
  const encode = (token: ValidToken): Buffer => encodeToken(token, trust.revision());

  const result = (
    request: ValidateTokenRequest,
    call: CallContext,
  ): ValidationResult | Promise<ValidationResult> => {
    const refuse = (failure: unknown): ValidationResult => call.rpcStatus(failure);
    try {
      enforce(checkRequest, request);
      return validate(request).then(encode, refuse);
    } catch (failure) {
      return refuse(failure);
    }
  };

  return {
    validateToken: (request) => validate(request).then(encode),

    validateTokens: {
      batch: ({ requests }, call) =>
        Promise.all(requests.map((request) => result(request, call))).then(encodeResults),
    },

    streamValidateTokens: {
      answer: (request) =>
        validate(request).then((token) => encodeStreamResult(request.requestId, encode(token))),
      refuse: ({ requestId }, failure, call) =>
        encodeStreamResult(requestId, call.rpcStatus(failure)),
    },
  };
};
