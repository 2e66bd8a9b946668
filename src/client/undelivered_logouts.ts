import type { AuthApi } from "./auth_api.js";
import { createDeadlineTimer } from "./deadline_timer.js";
import { effectOf } from "./error_code.js";
import type { LogoutResult } from "./logout_result.js";
import type { NetworkError } from "./network_error.js";
import { isCookieMismatch } from "./refresher.js";
import { retryDelay } from "./retry_delay.js";
import { codeOf, type SessionError } from "./session_error.js";
import { createSingleFlight } from "./single_flight.js";
import { storedFrom } from "./stored_from.js";
import type { StoredSession } from "./stored_session.js";
import type { TokenStorage } from "./token_storage.js";

/** Logouts are kept until the server has heard of them, over reloads too. */
export interface UndeliveredLogouts {
  /** Keeps a logout. To be called before the session is forgotten. */
  add(stored: StoredSession): Promise<void>;
  /**
   * Sends all stored logouts to the server. Resolves to the result of the session's logout, by default of the last one;
   * never rejects.
   */
  deliver(id?: string): Promise<LogoutResult>;
  /** Stops trying until the next `deliver`. */
  stop(): void;
}

/** There is nothing, or nothing more, to end. */
const CONFIRMED: LogoutResult = { isConfirmed: true, error: null };
/** Ends a session on the server. */
async function signOut(api: AuthApi, stored: StoredSession): Promise<void> {
  try {
    await api.logout(stored);
  } catch (error) {
    if (effectOf(codeOf(error)) !== "refreshes" && !isCookieMismatch(error)) throw error;
    // The proof has gone (an expired cookie, a retired key, an old anti-forgery token): refreshes for another.
    const askedAt = Date.now();
    const answer = await api.refresh(stored, { isBackground: true });
    await api.logout(storedFrom(answer, stored, askedAt));
  }
}

/**
 * Makes the list of a browser.
 *
 * @param onSettled called for each logout that needs no further attempt
 */
export function createUndeliveredLogouts(
  api: AuthApi,
  tokens: TokenStorage,
  onSettled: (result: LogoutResult) => void,
): UndeliveredLogouts {
  const share = createSingleFlight<LogoutResult>();
  /** What became of each logout of this page, by its session. */
  const results = new Map<string | undefined, LogoutResult>();
  let hasMore = false;
  let failures = 0;
  let isStopped = true;
  const timer = createDeadlineTimer(() => void deliver());

  const others = async (id: string) =>
    (await tokens.loadLogouts()).filter((each) => each.id !== id);

  async function attempt(stored: StoredSession): Promise<LogoutResult> {
    try {
      await signOut(api, stored);
    } catch (cause) {
      if (effectOf(codeOf(cause)) === "ends") return CONFIRMED;
      // Any other error is a mistake of the page, such as a base that is no URL.
      const error = cause as SessionError | NetworkError;
      const pause = retryDelay(error, failures);
      if (pause === null) return { isConfirmed: false, error };
      failures += 1;
      if (!isStopped) timer.set(Date.now() + pause);
      return { isConfirmed: false, error, willRetry: true };
    }
    return CONFIRMED;
  }

  async function run(): Promise<LogoutResult> {
    let last = CONFIRMED;
    hasMore = false;
    for (const stored of await tokens.loadLogouts()) {
      last = await attempt(stored);
      results.set(stored.id, last);
      if (last.willRetry) return last;
      failures = 0;
      await tokens.saveLogouts(await others(stored.id));
      onSettled(last);
    }
    // One may have been added meanwhile.
    return hasMore ? run() : last;
  }

  async function deliver(id?: string): Promise<LogoutResult> {
    isStopped = false;
    const last = await share(run);
    return results.get(id) ?? last;
  }

  return {
    deliver,
    async add(stored) {
      hasMore = true;
      await tokens.saveLogouts([...(await others(stored.id)), stored]);
    },
    stop() {
      isStopped = true;
      timer.clear();
    },
  };
}
