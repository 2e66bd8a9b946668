import {
  AuthServiceService,
  type ValidateRefreshTokenResponse,
  type ValidateTokenResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import { Code } from "../../core/errors.js";
import type { RpcChannel } from "../rpc_channel.js";
import { isServiceError, problemOfCall, problemOfStatus } from "../rpc_status.js";
import { callService, type OAuthRequest, REFRESH_TOKEN_PREFIX } from "./oauth_call.js";
import type { TokenCheck } from "./token_checks.js";

/** The answer of RFC 7662 section 2.2. A token that is not good: `active` alone. */
export interface Introspection {
  readonly active: boolean;
  readonly [claim: string]: unknown;
}

const INACTIVE: Introspection = { active: false };

/** Claims that are answered as the access token has them. */
const COPIED_CLAIMS = [
  "iss",
  "sub",
  "aud",
  "client_id",
  "exp",
  "iat",
  "jti",
  "sid",
  "amr",
  "acr",
  "auth_time",
  "act",
];

/** The claims of a token that the service has found good. */
const claimsOf = (token: string): Readonly<Record<string, unknown>> => {
  const [, payload = ""] = token.split(".");
  return JSON.parse(Buffer.from(payload, "base64url").toString());
};

const scopeOf = (roles: readonly string[]) => (roles.length > 0 ? { scope: roles.join(" ") } : {});

const ofAccessToken = (
  token: string,
  { username, roles }: ValidateTokenResponse,
): Introspection => {
  const claims = claimsOf(token);
  const copied = COPIED_CLAIMS.filter((name) => claims[name] !== undefined);
  return {
    active: true,
    ...Object.fromEntries(copied.map((name) => [name, claims[name]])),
    username,
    ...scopeOf(roles),
    token_type: "Bearer",
  };
};

const seconds = (at: Date | undefined): number => Math.floor((at?.getTime() ?? 0) / 1000);

/** No `aud`: a resource server that checks the audience refuses a refresh token. */
const ofRefreshToken = (
  {
    userId,
    username,
    roles,
    sessionId,
    authTime,
    expiresAt,
    clientId,
    amr,
  }: ValidateRefreshTokenResponse,
  issuer: string,
): Introspection => ({
  active: true,
  iss: issuer,
  sub: userId,
  client_id: clientId,
  exp: seconds(expiresAt),
  sid: sessionId,
  username,
  ...scopeOf(roles),
  amr,
  auth_time: seconds(authTime),
  token_type: "refresh_token",
});

/** The reasons for which a refresh token is refused. A caller with a service key is never refused for these. */
const REFRESH_VERDICTS: ReadonlySet<string> = new Set([
  "refresh_token_invalid",
  "refresh_token_reused",
  "session_revoked_or_invalid",
  "session_inactivity_timeout",
  "session_expired",
]);

/** What introspection is made of. */
export interface Introspector {
  readonly channel: RpcChannel;
  readonly checkToken: TokenCheck;
  /** `iss` of the tokens. */
  readonly issuer: string;
}

/**
 * Returns the current validity of a token (RFC 7662). An access token is checked by ValidateTokens, which distinguishes
 * a refusal of the token from one of the caller, and counts as a use of the session unless the request has
 * `x-skip-activity: true`.
 *
 * Rejects with a ServiceError or a ProblemError where the caller is refused or nothing is
 * certain: an outage is never answered as inactive.
 */
export const introspect = async (
  { channel, checkToken, issuer }: Introspector,
  token: string,
  http: OAuthRequest,
  authorization: string | undefined,
): Promise<Introspection> => {
  if (token.startsWith(REFRESH_TOKEN_PREFIX)) {
    const { validateRefreshToken } = AuthServiceService;
    const input = { refreshToken: token };
    try {
      const answer = await callService(channel, validateRefreshToken, input, http, authorization);
      return ofRefreshToken(answer, issuer);
    } catch (failure) {
      if (isServiceError(failure) && REFRESH_VERDICTS.has(problemOfCall(failure).code))
        return INACTIVE;
      throw failure;
    }
  }
  const skipActivity = http.request.headers["x-skip-activity"] === "true";
  const question = { accessToken: token, audience: "", skipActivity };
  const answer = await checkToken(question, http.request, authorization);
  const result = answer?.result;
  if (result?.$case === "token") return ofAccessToken(token, result.value);
  if (result?.value.code === Code.UNAUTHENTICATED) return INACTIVE;
  throw result ? problemOfStatus(result.value) : new Error("the service gave no result");
};
