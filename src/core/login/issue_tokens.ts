import type { IdSource } from "../ports/id_source.js";
import type { RefreshTokenCodec } from "../ports/refresh_token_codec.js";
import type { TokenSigner } from "../ports/token_signer.js";
import { assuranceAt } from "../session/assurance.js";
import type { Session } from "../session/session.js";
import type { CoreSettings } from "../settings.js";

/** The tokens that a client receives at login and refresh. */
export interface IssuedTokens {
  readonly accessToken: string;
  /** Empty for a session with an actor: it cannot be refreshed. */
  readonly refreshToken: string;
  /** Whole seconds until the access token expires. */
  readonly expiresIn: number;
}

/** The name and life of an access token about to be signed. */
export interface AccessTokenTerms {
  readonly jti: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/**
 * Times in milliseconds, on whole seconds, because NumericDate has only those (RFC 7519). A token with an elevated
 * `acr` expires with the elevation (I3). A token of a session with an actor lives as long as the session, which has no
 * refresh token.
 */
export const accessTokenTerms = (
  ids: IdSource,
  now: number,
  session: Pick<Session, "expiresAt" | "amr" | "acr" | "acrExpiresAt" | "elevatedAmr" | "actor">,
  settings: CoreSettings,
): AccessTokenTerms => ({
  jti: ids.next(now),
  issuedAt: Math.floor(now / 1000) * 1000,
  expiresAt: Math.min(
    session.actor ? session.expiresAt : Math.ceil((now + settings.accessTtlMs) / 1000) * 1000,
    session.expiresAt,
    assuranceAt(session, now).expiresAt,
  ),
});

export type IssueTokens = (
  session: Session,
  roles: readonly string[],
  terms: AccessTokenTerms,
  now: number,
  keyTag?: string,
) => Promise<IssuedTokens>;

/** Signs the access token and mints the refresh token of a session as it is now. */
export const issueTokens =
  (deps: { signer: TokenSigner; codec: RefreshTokenCodec; settings: CoreSettings }): IssueTokens =>
  async (session, roles, terms, now, keyTag) => {
    const { actor } = session;
    const { amr, acr } = assuranceAt(session, now);
    const { generation } = session.refresh;
    return {
      accessToken: await deps.signer.sign({
        iss: deps.settings.issuer,
        aud: [deps.settings.audience],
        sub: session.userId,
        client_id: session.clientId,
        sid: session.id,
        jti: terms.jti,
        iat: terms.issuedAt / 1000,
        exp: terms.expiresAt / 1000,
        sexp: session.expiresAt / 1000,
        auth_time: Math.floor(session.authTime / 1000),
        amr,
        ...(acr !== undefined && { acr }),
        ...(actor && {
          act: {
            sub: actor.userId,
            ...(actor.sessionId !== undefined && { sid: actor.sessionId }),
          },
        }),
        roles,
      }),
      refreshToken: actor ? "" : deps.codec.mint({ sessionId: session.id, generation, keyTag }),
      expiresIn: Math.max(0, Math.floor((terms.expiresAt - now) / 1000)),
    };
  };
