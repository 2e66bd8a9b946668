import type {
  AuthServiceService,
  StreamValidateTokensRequest,
  ValidateTokenRequest,
  ValidateTokensResult,
} from "../../../generated/curfew/v1/auth_service.js";
import type { CallContext } from "../call_context.js";
import { validTokenToProto } from "../conversion/valid_token.js";
import type { UnaryHandlers } from "../implement.js";
import { enforce, type Rules } from "../rules.js";
import { toRpcStatus } from "../status.js";
import type { ServiceDeps } from "./service_deps.js";

type Validation = Pick<UnaryHandlers<typeof AuthServiceService>, "validateToken" | "validateTokens">;

/** The question of the day: is this token good right now? */
export const validation = (deps: ServiceDeps, rules: Rules): Validation => {
  const { validateToken: validate, trust } = deps.core;
  const { idleTimeoutMs } = deps.settings;
  const checkRequest = rules.checkOf("curfew.v1.ValidateTokenRequest");

  const one = async (request: ValidateTokenRequest) =>
    validTokenToProto(await validate(request), idleTimeoutMs, trust.revision());

  const result = async (
    request: ValidateTokenRequest | StreamValidateTokensRequest,
    call: CallContext,
  ): Promise<NonNullable<ValidateTokensResult["result"]>> => {
    try {
      enforce(checkRequest, request);
      return { $case: "token", value: await one(request) };
    } catch (failure) {
      return { $case: "error", value: toRpcStatus(failure, call.language) };
    }
  };

  return {
    validateToken: one,
    validateTokens: async ({ requests }, call) => ({
      results: await Promise.all(
        requests.map(async (request) => ({ result: await result(request, call) })),
      ),
    }),
  };
};
