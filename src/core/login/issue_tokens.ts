import type { IdSource } from "../ports/id_source.js";
import type { RefreshTokenCodec } from "../ports/refresh_token_codec.js";
import type { TokenSigner } from "../ports/token_signer.js";
import type { Session } from "../session/session.js";
import type { CoreSettings } from "../settings.js";

/** What a client gets at login and refresh. */
export interface IssuedTokens {
  readonly accessToken: string;
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

/** Times in milliseconds, on whole seconds, as NumericDate has no others (RFC 7519). */
export const accessTokenTerms = (
  ids: IdSource,
  now: number,
  sessionExpiresAt: number,
  settings: CoreSettings,
): AccessTokenTerms => ({
  jti: ids.next(now),
  issuedAt: Math.floor(now / 1000) * 1000,
  expiresAt: Math.min(Math.ceil((now + settings.accessTtlMs) / 1000) * 1000, sessionExpiresAt),
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
  async (session, roles, terms, now, keyTag) => ({
    accessToken: await deps.signer.sign({
      iss: deps.settings.issuer,
      aud: [deps.settings.audience],
      sub: session.userId,
      sid: session.id,
      jti: terms.jti,
      iat: terms.issuedAt / 1000,
      exp: terms.expiresAt / 1000,
      sexp: session.expiresAt / 1000,
      auth_time: Math.floor(session.createdAt / 1000),
      amr: ["pwd"],
      roles,
    }),
    refreshToken: deps.codec.mint({
      sessionId: session.id,
      generation: session.refresh.generation,
      keyTag,
    }),
    expiresIn: Math.max(0, Math.floor((terms.expiresAt - now) / 1000)),
  });
