import {
  AuthServiceService,
  ExchangeTokenRequest,
  RefreshTokensRequest,
} from "../../../generated/curfew/v1/auth_service.js";
import type { RpcChannel } from "../rpc_channel.js";
import { isServiceError, problemOfCall } from "../rpc_status.js";
import { type Form, requireParameter } from "./form.js";
import { callService, type OAuthRequest } from "./oauth_call.js";
import { invalidRequest, OAuthError, type OAuthErrorCode } from "./oauth_error.js";

const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const REFRESH_TOKEN = "refresh_token";
const ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token";

/** The grants of the token endpoint. */
export const GRANT_TYPES: readonly string[] = [TOKEN_EXCHANGE, REFRESH_TOKEN];

/** The answer of RFC 6749 section 5.1 and RFC 8693 section 2.2.1. */
interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: "Bearer";
  readonly expires_in: number;
  readonly refresh_token: string;
  readonly issued_token_type?: string;
}

type Refusals = Readonly<Record<string, OAuthErrorCode>>;

/** A subject token that is not acceptable for any reason is an invalid request (RFC 8693 section 2.2.2). */
const EXCHANGE_REFUSALS: Refusals = {
  subject_token_invalid: "invalid_request",
  user_inactive: "invalid_request",
  not_found: "invalid_request",
  already_exists: "invalid_request",
  permission_denied: "unauthorized_client",
};

/** A refresh token that is not good any more, for whatever reason (RFC 6749 section 5.2). */
const REFRESH_REFUSALS: Refusals = {
  refresh_token_invalid: "invalid_grant",
  refresh_token_reused: "invalid_grant",
  session_revoked_or_invalid: "invalid_grant",
  session_inactivity_timeout: "invalid_grant",
  session_expired: "invalid_grant",
  user_inactive: "invalid_grant",
};

/** Rejects with an OAuthError for the refusals that OAuth has a word for; others pass through. */
const inOAuthsWords = async <Answer>(
  answer: Promise<Answer>,
  refusals: Refusals,
): Promise<Answer> => {
  try {
    return await answer;
  } catch (failure) {
    if (!isServiceError(failure)) throw failure;
    const { code, detail, extras } = problemOfCall(failure);
    const error = Object.hasOwn(refusals, code) ? refusals[code] : undefined;
    if (error === undefined) throw failure;
    const { check } = extras.metadata ?? {};
    throw new OAuthError(400, error, check === undefined ? detail : `${detail}: ${check}`);
  }
};

const refuseUnsupported = (form: Form): void => {
  const wanted = form.get("requested_token_type");
  if (wanted !== undefined && wanted !== ACCESS_TOKEN_TYPE)
    throw invalidRequest(`The requested_token_type must be ${ACCESS_TOKEN_TYPE}.`);
  if (form.has("actor_token") || form.has("actor_token_type"))
    throw invalidRequest("An actor_token is not supported.");
  if (form.has("resource") || form.has("audience")) {
    const text = "Access tokens are for the configured audience; none can be chosen.";
    throw new OAuthError(400, "invalid_target", text);
  }
};

const exchange = async (
  channel: RpcChannel,
  form: Form,
  clientId: string | undefined,
  http: OAuthRequest,
): Promise<TokenAnswer> => {
  const nonce = form.get("nonce");
  const input = ExchangeTokenRequest.create({
    subjectToken: requireParameter(form, "subject_token"),
    subjectTokenType: requireParameter(form, "subject_token_type"),
    clientId: clientId ?? "",
    deviceName: form.get("device_name") ?? "",
    ...(nonce !== undefined && { nonce }),
  });
  refuseUnsupported(form);
  const call = callService(channel, AuthServiceService.exchangeToken, input, http, undefined);
  const { accessToken, refreshToken, expiresIn } = await inOAuthsWords(call, EXCHANGE_REFUSALS);
  return {
    access_token: accessToken,
    issued_token_type: ACCESS_TOKEN_TYPE,
    token_type: "Bearer",
    expires_in: expiresIn,
    refresh_token: refreshToken,
  };
};

const refresh = async (
  channel: RpcChannel,
  form: Form,
  http: OAuthRequest,
): Promise<TokenAnswer> => {
  const input = RefreshTokensRequest.create({
    refreshToken: requireParameter(form, "refresh_token"),
  });
  const call = callService(channel, AuthServiceService.refreshTokens, input, http, undefined);
  const { accessToken, refreshToken, expiresIn } = await inOAuthsWords(call, REFRESH_REFUSALS);
  return {
    access_token: accessToken,
    token_type: "Bearer",
    expires_in: expiresIn,
    refresh_token: refreshToken,
  };
};

/**
 * Grants tokens for the ID token of a trusted issuer (RFC 8693) or a refresh token
 * (RFC 6749 section 6). The token is the proof: no client has to authenticate.
 *
 * Rejects with an OAuthError, or with a ServiceError for an outage.
 */
export const grantTokens = (
  channel: RpcChannel,
  form: Form,
  clientId: string | undefined,
  http: OAuthRequest,
): Promise<TokenAnswer> => {
  switch (requireParameter(form, "grant_type")) {
    case TOKEN_EXCHANGE:
      return exchange(channel, form, clientId, http);
    case REFRESH_TOKEN:
      return refresh(channel, form, http);
    default:
      throw new OAuthError(
        400,
        "unsupported_grant_type",
        `The grant_type must be ${GRANT_TYPES.join(" or ")}.`,
      );
  }
};
