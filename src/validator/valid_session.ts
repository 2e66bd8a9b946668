import type { ValidateTokenResponse } from "../../generated/curfew/v1/auth_service.js";

/**
 * The session of a valid token. In local mode all checks of a token share one object until Curfew is asked again, so
 * the object is frozen.
 */
export interface ValidSession {
  /** The user (`sub`). */
  readonly userId: string;
  /** The user's name and roles when Curfew was last asked: at this check, or `profileMaxAge` ago at most. */
  readonly username: string;
  readonly roles: readonly string[];
  /** The session (`sid`). */
  readonly sessionId: string;
  /** The single token. */
  readonly jti: string;
  /** How the user proved who they are (RFC 8176), for example `pwd`. */
  readonly amr: readonly string[];
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  /** When the user signed in. */
  readonly authTime: Date;
  /** When the session was last used, as Curfew last said. */
  readonly lastActivityAt: Date;
  /** When the session ends if it is not used before, as Curfew last said. */
  readonly idleExpiresAt: Date;
  /** The answer takes into account every revocation up to this revision. */
  readonly revision: bigint;
}

const EPOCH = new Date(0);

/** An answer of ValidateTokens as a session. */
export const sessionOf = (answer: ValidateTokenResponse): ValidSession =>
  Object.freeze({
    userId: answer.userId,
    username: answer.username,
    roles: Object.freeze(answer.roles),
    sessionId: answer.sessionId,
    jti: answer.jti,
    amr: Object.freeze(answer.amr),
    issuedAt: answer.issuedAt ?? EPOCH,
    expiresAt: answer.expiresAt ?? EPOCH,
    authTime: answer.authTime ?? EPOCH,
    lastActivityAt: answer.lastActivityAt ?? EPOCH,
    idleExpiresAt: answer.idleExpiresAt ?? EPOCH,
    revision: answer.revision,
  });
