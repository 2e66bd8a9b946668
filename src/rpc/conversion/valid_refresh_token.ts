import type { ValidateRefreshTokenResponse } from "../../../generated/curfew/v1/auth_service.js";
import type { ValidRefreshToken } from "../../core/validation/validate_refresh_token.js";

export const validRefreshTokenToProto = (
  { recorded, session }: ValidRefreshToken,
  idleTimeoutMs: number,
  revision: bigint,
): ValidateRefreshTokenResponse => ({
  userId: session.userId,
  username: session.username,
  roles: [...session.roles],
  sessionId: session.sessionId,
  authTime: new Date(Math.floor(recorded.createdAt / 1000) * 1000),
  expiresAt: new Date(session.expiresAt),
  idleExpiresAt: new Date(Math.min(session.lastActivityAt + idleTimeoutMs, session.expiresAt)),
  revision,
  clientId: recorded.clientId,
  amr: [...recorded.amr],
});
