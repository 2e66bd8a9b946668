import type { TokenAnswer } from "./auth_api.js";
import type { StoredSession } from "./stored_session.js";

/** The session to store after an answer. `before` is the session that it succeeds; null at a login. */
export function storedFrom(
  answer: TokenAnswer,
  before: StoredSession | null,
  askedAt: number,
): StoredSession {
  return {
    id: before?.id ?? answer.session?.session_id ?? Math.random().toString(36).slice(2),
    accessToken: answer.access_token || null,
    refreshToken: answer.refresh_token || null,
    csrfToken: answer.csrf_token ?? before?.csrfToken ?? null,
    expiresIn: answer.expires_in,
    // Counted from before the request was sent: early rather than late.
    expiresAt: askedAt + answer.expires_in * 1000,
    // The server's count begins anew where a gateway of 0.1, which keeps none, has answered between.
    generation: Math.max(answer.generation ?? 1, before === null ? 0 : before.generation + 1),
    session: answer.session ?? before?.session ?? null,
  };
}
