import type { AuthApi } from "./auth_api.js";
import { effectOf } from "./error_code.js";
import { NetworkError } from "./network_error.js";
import { storedFrom } from "./refresher.js";
import { SessionError } from "./session_error.js";
import type { StoredSession } from "./stored_session.js";

/** What became of a logout. This browser has forgotten the session in any case. */
export interface LogoutResult {
  /** Whether the server said that the session is over. If not, it lives until it is idle. */
  readonly isConfirmed: boolean;
  /** Why it is not confirmed; null when it is. */
  readonly error: SessionError | NetworkError | null;
}

/** There is nothing, or nothing more, to end. */
export const CONFIRMED: LogoutResult = { isConfirmed: true, error: null };

const LONGEST_WAIT = 2;

function unconfirmed(error: unknown): LogoutResult {
  if (error instanceof SessionError || error instanceof NetworkError) {
    return { isConfirmed: false, error };
  }
  return { isConfirmed: false, error: new NetworkError("Logout failed", { cause: error }) };
}

const wait = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** The proof has gone (an expired cookie, a retired key): gets another from the refresh token. */
async function renewAndSignOut(api: AuthApi, stored: StoredSession): Promise<LogoutResult> {
  try {
    await api.logout(storedFrom(await api.refresh(stored), stored, Date.now()));
    return CONFIRMED;
  } catch (error) {
    return error instanceof SessionError && error.status === 401 ? CONFIRMED : unconfirmed(error);
  }
}

/**
 * Ends a session on the server. Never rejects. A 503 is repeated, which is
 * safe: a logout that was answered once answers the same again.
 */
export async function signOut(
  api: AuthApi,
  stored: StoredSession,
  retries = 2,
): Promise<LogoutResult> {
  try {
    await api.logout(stored);
    return CONFIRMED;
  } catch (error) {
    if (!(error instanceof SessionError)) return unconfirmed(error);
    if (error.status === 401) {
      const isOver = effectOf(error.code) === "ends";
      return isOver ? CONFIRMED : renewAndSignOut(api, stored);
    }
    if (error.status !== 503 || retries === 0) return unconfirmed(error);
    // Spread out, so that clients that were refused together do not return together.
    await wait(Math.min(error.retryAfter ?? 1, LONGEST_WAIT) * (1 + Math.random() / 2));
    return signOut(api, stored, retries - 1);
  }
}
