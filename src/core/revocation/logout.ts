import type { Call } from "../call.js";
import { CurfewError, fail, invalidField } from "../errors.js";
import type { RefreshTokenCodec } from "../ports/refresh_token_codec.js";
import type { SessionStore } from "../ports/session_store.js";
import type { TokenVerifier } from "../ports/token_verifier.js";
import type { RevokeSessions } from "./revoke_sessions.js";

export interface LogoutInput {
  /** From the request; empty: none. */
  readonly accessToken: string;
  /** From the request; empty or absent: none. */
  readonly refreshToken?: string | undefined;
  /** From the call's metadata; empty: none. */
  readonly bearer: string;
  readonly ip: string;
}

/** The facts that a token proves: the session, and the user where the token names one. */
interface Proof {
  readonly sessionId: string;
  readonly userId?: string | undefined;
}

/**
 * Ends the session of a token, which may be past its time: who holds it may
 * give it up. Resolves to the revocation's revision.
 *
 * A session that is no longer on record is dead already: that is success.
 */
export const logout = (deps: {
  verifier: Pick<TokenVerifier, "verify">;
  codec: Pick<RefreshTokenCodec, "parse">;
  store: Pick<SessionStore, "get">;
  end: RevokeSessions;
}) => {
  const ofAccessToken = async (text: string): Promise<Proof> => {
    const claims = await deps.verifier.verify(text);
    if (claims === undefined) throw fail("ACCESS_TOKEN_INVALID");
    return { sessionId: claims.sid, userId: claims.sub };
  };
  const ofRefreshToken = async (text: string): Promise<Proof> => {
    const content = await deps.codec.parse(text);
    if (content === undefined) throw fail("REFRESH_TOKEN_INVALID");
    return content;
  };

  return async (
    { accessToken, refreshToken = "", bearer, ip }: LogoutInput,
    call?: Call,
  ): Promise<bigint> => {
    const accessTokens = [accessToken, bearer].filter((text) => text !== "");
    const proofs = await Promise.all([
      ...accessTokens.map(ofAccessToken),
      ...(refreshToken === "" ? [] : [ofRefreshToken(refreshToken)]),
    ]);
    const [proof] = proofs;
    if (proof === undefined) throw fail("CREDENTIALS_MISSING");
    const { sessionId } = proof;
    const foreign = proofs.findIndex((other) => other.sessionId !== sessionId);
    if (foreign >= 0)
      throw foreign < accessTokens.length
        ? invalidField("access_token", "must be of the same session as the bearer token")
        : invalidField("refresh_token", "must be of the same session as the access token");
    const userId = proof.userId ?? (await deps.store.get(sessionId))?.userId;
    if (userId === undefined) return 0n;
    try {
      const cause = { reason: "LOGOUT", by: userId, ip } as const;
      return await deps.end.one(sessionId, cause, userId, call);
    } catch (failure) {
      if (failure instanceof CurfewError && failure.reason === "NOT_FOUND") return 0n;
      throw failure;
    }
  };
};
