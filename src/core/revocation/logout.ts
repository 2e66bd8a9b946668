import type { Call } from "../call.js";
import { CurfewError, fail, invalidField } from "../errors.js";
import type { TokenVerifier } from "../ports/token_verifier.js";
import type { RevokeSessions } from "./revoke_sessions.js";

export interface LogoutInput {
  /** From the request; empty: none. */
  readonly accessToken: string;
  /** From the call's metadata; empty: none. */
  readonly bearer: string;
  readonly ip: string;
}

/**
 * Ends the session of a token, which may be past its time: who holds it may
 * give it up. Resolves to the revocation's revision.
 *
 * A session that is no longer on record is dead already: that is success.
 */
export const logout =
  (deps: { verifier: Pick<TokenVerifier, "verify">; end: RevokeSessions }) =>
  async ({ accessToken, bearer, ip }: LogoutInput, call?: Call): Promise<bigint> => {
    const texts = [accessToken, bearer].filter((text) => text !== "");
    if (texts.length === 0) throw fail("CREDENTIALS_MISSING");
    const [claims, other] = await Promise.all(texts.map((text) => deps.verifier.verify(text)));
    if (claims === undefined || (texts.length === 2 && other === undefined))
      throw fail("ACCESS_TOKEN_INVALID");
    if (other !== undefined && other.sid !== claims.sid)
      throw invalidField("access_token", "must be of the same session as the bearer token");
    try {
      const cause = { reason: "LOGOUT", by: claims.sub, ip } as const;
      return await deps.end.one(claims.sid, cause, claims.sub, call);
    } catch (failure) {
      if (failure instanceof CurfewError && failure.reason === "NOT_FOUND") return 0n;
      throw failure;
    }
  };
