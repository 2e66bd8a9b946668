import type { AuthApi, SessionAnswer } from "./auth_api.js";
import type { CookieOwner } from "./cookie_owner.js";
import type { LiveSession } from "./live_session.js";
import type { RefreshLock } from "./refresh_lock.js";
import { codeOf, endsRefresh, notSignedIn, SessionError } from "./session_error.js";
import { createSingleFlight } from "./single_flight.js";
import { storedFrom } from "./stored_from.js";
import { replaces, type StoredSession } from "./stored_session.js";
import type { TokenStorage } from "./token_storage.js";

/** The dependencies of the refresher. */
export interface RefresherDeps {
  readonly live: LiveSession;
  readonly api: AuthApi;
  readonly tokens: TokenStorage;
  readonly lock: RefreshLock;
  readonly owner: CookieOwner;
}

/** Resolves when there are newer tokens than `stale`, from this page or another one. */
export type Refresh = (stale: StoredSession, isBackground: boolean) => Promise<void>;

/**
 * Milliseconds for a first attempt: less than half of the server's grace time,
 * so that after a lost answer the next attempt still gets the same tokens.
 */
const FIRST_LIMIT_MS = 4000;

/** Whether an answer says that the cookies are not those that the page has in mind. */
export const isCookieMismatch = (error: unknown): boolean =>
  error instanceof SessionError && /^(csrf|session)$/.test(error.metadata.check ?? "");

/**
 * Creates the refresh of this page: one exchange at a time over all tabs. A tab that waited uses the tokens of the tab
 * before it.
 */
export function createRefresher({ live, api, tokens, lock, owner }: RefresherDeps): Refresh {
  const share = createSingleFlight<void>(live.lifetime);
  /** A slow caller gets the same time as other calls. */
  let isSlow = false;

  function assertAlive(lifetime: AbortSignal): void {
    if (lifetime.aborted) throw notSignedIn();
  }

  /** Sends the request, and repeats it if the failure permits that. */
  async function ask(
    stale: StoredSession,
    signal: AbortSignal,
    isBackground: boolean,
    isFirst = true,
  ): Promise<SessionAnswer> {
    const isCookie = stale.refreshToken === null;
    const askedAt = Date.now();
    try {
      const limit = isFirst && !isSlow ? { limitMs: FIRST_LIMIT_MS } : {};
      const answer = await api.refresh(stale, { signal, isBackground, ...limit });
      isSlow = Date.now() - askedAt > FIRST_LIMIT_MS;
      await owner.assertKept(answer);
      if (isCookie && answer.session?.session_id !== stale.id) await owner.reconcile(stale);
      return answer;
    } catch (error) {
      assertAlive(signal);
      if (!isFirst) throw error;
      const code = codeOf(error);
      if (isCookieMismatch(error)) await owner.reconcile(stale);
      else if (
        // Another tab's refresh may have come between: by now its cookies are here.
        !(isCookie && /^(refresh_token_reused|cookies_refused)$/.test(code)) &&
        // No answer arrived in time: the answer may be lost, or the network is slow.
        (code || Date.now() - askedAt < FIRST_LIMIT_MS)
      )
        throw error;
      return ask(stale, signal, isBackground, false);
    }
  }

  async function exchange(
    stale: StoredSession,
    lifetime: AbortSignal,
    isBackground: boolean,
  ): Promise<void> {
    /** Takes over what another tab has made of the session: newer tokens, another session, or none. */
    async function isSuperseded(): Promise<boolean> {
      const found = await tokens.load();
      assertAlive(lifetime);
      if (found !== null && !replaces(found, stale)) return false;
      live.adopt(found);
      assertAlive(lifetime);
      return true;
    }
    if (await isSuperseded()) return;
    const askedAt = Date.now();
    try {
      const answer = await ask(stale, lifetime, isBackground);
      if (!(await isSuperseded())) await live.become(storedFrom(answer, stale, askedAt));
    } catch (error) {
      assertAlive(lifetime);
      if (!endsRefresh(error)) throw error;
      await live.end(error, stale);
      // Without a lock another tab may have been quicker with the same token.
      if (lifetime.aborted) throw error;
    }
  }

  return async (stale, isBackground) => {
    const current = live.current();
    if (current === null) throw notSignedIn();
    if (replaces(current, stale)) return;
    const lifetime = live.lifetime();
    return share(() =>
      lock(() => exchange(current, lifetime, isBackground)).catch((error) => {
        // An answer that was lost held new tokens, which only a soon attempt gets again.
        live.refreshFailed(error);
        throw error;
      }),
    );
  };
}
