import type { ValidateTokenResponse } from "../../../generated/curfew/v1/auth_service.js";
import { idleTimeoutOf } from "../../core/session/session.js";
import type { ValidToken } from "../../core/validation/validate_token.js";

export const validTokenToProto = (
  { claims, session }: ValidToken,
  idleTimeoutMs: number,
  revision: bigint,
): ValidateTokenResponse => ({
  userId: session.userId,
  username: session.username,
  roles: session.roles as string[],
  sessionId: session.sessionId,
  jti: claims.jti,
  amr: claims.amr as string[],
  issuedAt: new Date(claims.iat * 1000),
  expiresAt: new Date(claims.exp * 1000),
  authTime: new Date(claims.auth_time * 1000),
  lastActivityAt: new Date(session.lastActivityAt),
  idleExpiresAt: new Date(
    Math.min(session.lastActivityAt + idleTimeoutOf(session, idleTimeoutMs), session.expiresAt),
  ),
  revision,
  // Tokens of earlier versions do not say it: their sessions are all of the one application.
  clientId: claims.client_id ?? "curfew",
});
