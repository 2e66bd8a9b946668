import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import type { RpcChannel } from "../rpc_channel.js";
import { isServiceError, problemOfCall } from "../rpc_status.js";
import { callService, type OAuthRequest, REFRESH_TOKEN_PREFIX } from "./oauth_call.js";

/** Reasons for which there is nothing to revoke (RFC 7009 section 2.2). */
const UNKNOWN_TOKEN: ReadonlySet<string> = new Set([
  "access_token_invalid",
  "refresh_token_invalid",
]);

/**
 * Ends the session of an access or refresh token (RFC 7009). The token is the proof. A
 * token that is none of ours counts as revoked.
 *
 * Rejects with a ServiceError where it is not certain that the session has ended.
 */
export const revoke = async (
  channel: RpcChannel,
  token: string,
  http: OAuthRequest,
): Promise<void> => {
  const isRefreshToken = token.startsWith(REFRESH_TOKEN_PREFIX);
  const input = {
    accessToken: isRefreshToken ? "" : token,
    refreshToken: isRefreshToken ? token : "",
    language: "",
  };
  try {
    await callService(channel, AuthServiceService.logout, input, http, undefined);
  } catch (failure) {
    if (isServiceError(failure) && UNKNOWN_TOKEN.has(problemOfCall(failure).code)) return;
    throw failure;
  }
};
