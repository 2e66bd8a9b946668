import type { SessionAnswer } from "./auth_api.js";
import type { StoredSession } from "./stored_session.js";

/** The session to store after an answer. `before` is the session that it succeeds; null at a login. */
export function storedFrom(
  answer: SessionAnswer,
  before: StoredSession | null,
  askedAt: number,
): StoredSession {
  const expiresIn = answer.expires_in ?? null;
  return {
    id: before?.id ?? answer.session?.session_id ?? Math.random().toString(36).slice(2),
    accessToken: answer.access_token || null,
    refreshToken: answer.refresh_token || null,
    csrfToken: answer.csrf_token ?? before?.csrfToken ?? null,
    expiresIn,
    // Counted from before the request was sent: early rather than late.
    expiresAt: expiresIn === null ? null : askedAt + expiresIn * 1000,
    // The server's count begins anew where a gateway of 0.1, which keeps none, has answered between.
    generation: Math.max(answer.generation ?? 0, (before?.generation ?? -1) + 1),
    session: answer.session ?? before?.session ?? null,
  };
}
