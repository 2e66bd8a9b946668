import type { AuthApi, TokenAnswer } from "./auth_api.js";
import type { CookieOwner } from "./cookie_owner.js";
import { endsRefresh } from "./error_code.js";
import type { Awaitable } from "./key_value_store.js";
import type { RefreshLock } from "./refresh_lock.js";
import { notSignedIn, SessionError } from "./session_error.js";
import { storedFrom } from "./stored_from.js";
import { replaces, type StoredSession } from "./stored_session.js";
import type { TokenStorage } from "./token_storage.js";

/** The session as the refresher sees and changes it. */
export interface RefreshHost {
  current(): StoredSession | null;
  /** Aborted when the current session is replaced or forgotten. */
  lifetime(): AbortSignal;
  /** Takes over what another tab left in the storage; null: it signed out. */
  adopt(stored: StoredSession | null): void;
  /** Takes the answer of this tab's own refresh. */
  renew(stored: StoredSession): Awaitable<void>;
  /** The server says that the session is over. */
  end(error: SessionError, stale: StoredSession): Awaitable<void>;
}

/** What the refresher needs. */
export interface RefresherDeps {
  readonly host: RefreshHost;
  readonly api: AuthApi;
  readonly tokens: TokenStorage;
  readonly lock: RefreshLock;
  readonly owner: Pick<CookieOwner, "assertKept" | "reconcile">;
}

/**
 * Milliseconds for a first attempt: less than half of the server's grace time,
 * so that after a lost answer the next attempt still gets the same tokens.
 */
const FIRST_LIMIT_MS = 4000;

/** Whether an answer says that the cookies are not those that the page has in mind. */
export const isCookieMismatch = (error: unknown): boolean =>
  error instanceof SessionError && /^(csrf|session)$/.test(error.metadata.check ?? "");

/**
 * Makes `refresh(stale)`: resolves when there are newer tokens than `stale`,
 * whoever got them. One exchange at a time over all tabs; a tab that waited
 * uses what the one before it got.
 */
export function createRefresher({ host, api, tokens, lock, owner }: RefresherDeps) {
  let flight: { readonly lifetime: AbortSignal; readonly done: Promise<void> } | null = null;
  /** Whoever is slow gets the time that other calls have. */
  let isSlow = false;

  function assertAlive(lifetime: AbortSignal): void {
    if (lifetime.aborted) throw notSignedIn();
  }

  /** Asks the server, and again where the failure says that it is worth it. */
  async function ask(
    stale: StoredSession,
    signal: AbortSignal,
    isBackground: boolean,
  ): Promise<TokenAnswer> {
    for (let isFirst = true; ; isFirst = false) {
      const askedAt = Date.now();
      try {
        const limit = isFirst && !isSlow ? { limitMs: FIRST_LIMIT_MS } : {};
        const answer = await api.refresh(stale, { signal, isBackground, ...limit });
        isSlow = Date.now() - askedAt > FIRST_LIMIT_MS;
        await owner.assertKept(answer);
        const isOurs = answer.session?.session_id === stale.id;
        if (stale.refreshToken === null && !isOurs) await owner.reconcile(stale);
        return answer;
      } catch (error) {
        assertAlive(signal);
        if (!isFirst) throw error;
        const code = error instanceof SessionError ? error.code : "";
        if (isCookieMismatch(error)) await owner.reconcile(stale);
        // Another tab's refresh may have come between: by now its cookies are here.
        else if (
          stale.refreshToken === null &&
          /^(refresh_token_reused|cookies_refused)$/.test(code)
        )
          continue;
        // Nobody answered in time: the answer may be lost, or the network is slow.
        else if (code || Date.now() - askedAt < FIRST_LIMIT_MS) throw error;
      }
    }
  }

  async function exchange(
    stale: StoredSession,
    lifetime: AbortSignal,
    isBackground: boolean,
  ): Promise<void> {
    const found = await tokens.load();
    assertAlive(lifetime);
    if (found === null || replaces(found, stale)) {
      host.adopt(found);
      return assertAlive(lifetime);
    }
    const askedAt = Date.now();
    let answer: TokenAnswer;
    try {
      answer = await ask(stale, lifetime, isBackground);
    } catch (error) {
      assertAlive(lifetime);
      if (!(error instanceof SessionError)) throw error;
      if (!endsRefresh(error.code) && error.code !== "cookies_refused") throw error;
      const latest = await tokens.load();
      assertAlive(lifetime);
      // Without a lock another tab may have been quicker with the same token.
      if (latest !== null && replaces(latest, stale)) return host.adopt(latest);
      await host.end(error, stale);
      throw error;
    }
    assertAlive(lifetime);
    const latest = await tokens.load();
    assertAlive(lifetime);
    // Signed out or in elsewhere meanwhile: the answer is of a session that is gone.
    if (latest === null || replaces(latest, stale)) {
      host.adopt(latest);
      return assertAlive(lifetime);
    }
    await host.renew(storedFrom(answer, stale, askedAt));
  }

  return async function refresh(stale: StoredSession, isBackground = false): Promise<void> {
    const current = host.current();
    if (current === null) throw notSignedIn();
    if (replaces(current, stale)) return;
    const lifetime = host.lifetime();
    if (flight?.lifetime !== lifetime) {
      const done = lock(() => exchange(current, lifetime, isBackground)).finally(() => {
        if (flight?.done === done) flight = null;
      });
      flight = { lifetime, done };
    }
    return flight.done;
  };
}
