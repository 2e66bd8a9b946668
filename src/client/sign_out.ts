import type { AuthApi } from "./auth_api.js";
import { effectOf } from "./error_code.js";
import type { LogoutResult } from "./logout_result.js";
import { NetworkError } from "./network_error.js";
import { isCookieMismatch } from "./refresher.js";
import { SessionError } from "./session_error.js";
import { storedFrom } from "./stored_from.js";
import type { StoredSession } from "./stored_session.js";

/** There is nothing, or nothing more, to end. */
export const CONFIRMED: LogoutResult = { isConfirmed: true, error: null };

const LONGEST_WAIT = 2;

const wait = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** What a failure of the logout, or of a refresh for it, says about the session. */
function outcomeOf(error: unknown): LogoutResult {
  if (error instanceof SessionError) {
    if (effectOf(error.code) === "ends") return CONFIRMED;
    if (!error.isTransient) return { isConfirmed: false, error };
    return { isConfirmed: false, error, willRetry: true };
  }
  const outage =
    error instanceof NetworkError ? error : new NetworkError("Logout failed", { cause: error });
  return { isConfirmed: false, error: outage, willRetry: true };
}

/** The proof has gone (an expired cookie, a retired key, an old anti-forgery token): refreshes for another. */
async function renewAndSignOut(api: AuthApi, stored: StoredSession): Promise<LogoutResult> {
  try {
    const askedAt = Date.now();
    const answer = await api.refresh(stored, { isBackground: true });
    await api.logout(storedFrom(answer, stored, askedAt));
    return CONFIRMED;
  } catch (error) {
    return outcomeOf(error);
  }
}

/**
 * Ends a session on the server. Never rejects. What may succeed later is
 * repeated, which is safe: a logout that was answered once answers the same again.
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
    if (!(error instanceof SessionError)) return outcomeOf(error);
    if (effectOf(error.code) === "refreshes" || isCookieMismatch(error)) {
      return renewAndSignOut(api, stored);
    }
    if (!error.isTransient || retries === 0) return outcomeOf(error);
    // Spread out, so that clients that were refused together do not return together.
    await wait(Math.min(error.retryAfter ?? 1, LONGEST_WAIT) * (1 + Math.random() / 2));
    return signOut(api, stored, retries - 1);
  }
}
