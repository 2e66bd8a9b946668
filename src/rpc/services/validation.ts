import {
  AuthServiceService,
  type ValidateTokenRequest,
  ValidateTokensResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import type { ValidToken } from "../../core/validation/validate_token.js";
import type { CallContext } from "../call_context.js";
import { resultEncoder, type ValidationResult } from "../conversion/result_bytes.js";
import { validRefreshTokenToProto } from "../conversion/valid_refresh_token.js";
import { validTokenWriter } from "../conversion/valid_token_bytes.js";
import { nextTurn } from "../event_loop.js";
import type { HandlersOf } from "../handlers.js";
import { enforce, type Rules } from "../rules.js";
import { failureOf } from "../status.js";
import type { ServiceDeps } from "./service_deps.js";

/** Questions of a batch that are worked on in one turn of the event loop. */
const SLICE = 128;

const asItIs = (bytes: Buffer): Buffer => bytes;
const inBytes = { responseSerialize: asItIs, responseDeserialize: asItIs };
const neverRead = (): ValidToken => {
  throw new Error("a server reads no answers");
};

/**
 * The question of the day: is this token good right now? With the definition of
 * AuthService, in which its answers are not encoded by the generated code (see
 * `valid_token_bytes.ts`).
 */
export const validation = ({ core, settings }: ServiceDeps, rules: Rules) => {
  const { validateToken, validateTokens, validateRefreshToken, cacheLease } = core;
  const checkRequest = rules.checkOf("curfew.v1.ValidateTokenRequest");
  const writer = validTokenWriter(settings.idleTimeoutMs);
  const encoder = resultEncoder(writer);

  const encode = (token: ValidToken): Buffer => {
    const bytes = Buffer.allocUnsafe(writer.measure(token, cacheLease.revision()));
    writer.write(bytes, 0);
    return bytes;
  };

  /** The answer to a caller that states no expectations: the claims of this service's tokens. */
  const encodeExpectations = (): Buffer => {
    const { issuer, audience } = settings;
    const answer = ValidateTokensResponse.fromPartial({ issuer, audience });
    return Buffer.from(ValidateTokensResponse.encode(answer).finish());
  };

  const definition = {
    ...AuthServiceService,
    validateToken: {
      ...AuthServiceService.validateToken,
      responseSerialize: encode,
      responseDeserialize: neverRead,
    },
    validateTokens: { ...AuthServiceService.validateTokens, ...inBytes },
    streamValidateTokens: { ...AuthServiceService.streamValidateTokens, ...inBytes },
  };

  /** Returns the reason for which a question of a batch is refused before any lookup. */
  const refusalOf = (request: ValidateTokenRequest): Error | undefined => {
    try {
      enforce(checkRequest, request);
      return undefined;
    } catch (failure) {
      return failureOf(failure);
    }
  };

  const resultsOf = async (
    requests: readonly ValidateTokenRequest[],
    call: CallContext,
  ): Promise<ValidationResult[]> => {
    const refusals = requests.map(refusalOf);
    const verdicts = await validateTokens(requests.filter((_, i) => !refusals[i]));
    let judged = 0;
    return refusals.map((refusal) => {
      const verdict = refusal ?? verdicts[judged++];
      return verdict === undefined || verdict instanceof Error ? call.rpcStatus(verdict) : verdict;
    });
  };

  const handlers: Pick<
    HandlersOf<typeof definition>,
    "validateToken" | "validateTokens" | "validateRefreshToken" | "streamValidateTokens"
  > = {
    validateToken,

    async validateRefreshToken({ refreshToken }) {
      const token = await validateRefreshToken(refreshToken);
      return validRefreshTokenToProto(token, settings.idleTimeoutMs, cacheLease.revision());
    },

    validateTokens: {
      async batch({ requests }, call) {
        if (requests.length === 0) return encodeExpectations();
        const slices: Promise<ValidationResult[]>[] = [];
        for (let start = 0; start < requests.length; start += SLICE) {
          if (start > 0) await nextTurn();
          const slice = resultsOf(requests.slice(start, start + SLICE), call);
          // Awaited with the others below; until then a failure is not unhandled.
          slice.catch(() => undefined);
          slices.push(slice);
        }
        const results = await Promise.all(slices);
        return encoder.results(results.flat(), cacheLease.revision());
      },
    },

    streamValidateTokens: {
      answer: (request) =>
        validateToken(request).then((token) =>
          encoder.streamResult(request.requestId, token, cacheLease.revision()),
        ),
      refuse: ({ requestId }, failure, call) =>
        encoder.streamResult(requestId, call.rpcStatus(failure), 0n),
    },
  };

  return { definition, handlers };
};
