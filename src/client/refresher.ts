import type { AuthApi, TokenAnswer } from "./auth_api.js";
import type { Awaitable } from "./key_value_store.js";
import type { RefreshLock } from "./refresh_lock.js";
import { notSignedIn, SessionError } from "./session_error.js";
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
}

/** What is kept of an answer; `before` is what it succeeds, null at a login. */
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
    // From before the question: rather early than late.
    expiresAt: askedAt + answer.expires_in * 1000,
    generation: before === null ? 1 : before.generation + 1,
    session: answer.session ?? before?.session ?? null,
  };
}

/**
 * Whether this answer to a refresh says that there is nothing to refresh with
 * any more: 401, or in cookie mode that the token is missing, for the cookie is
 * gone. Nothing else does: an outage is never a logout.
 */
const isFinal = (error: SessionError, stale: StoredSession): boolean =>
  error.status === 401 || (error.status === 400 && stale.refreshToken === null);

/**
 * Makes `refresh(stale)`: resolves when there are newer tokens than `stale`,
 * whoever got them. One exchange at a time over all tabs; a tab that waited
 * uses what the one before it got.
 */
export function createRefresher({ host, api, tokens, lock }: RefresherDeps) {
  let flight: { readonly lifetime: AbortSignal; readonly done: Promise<void> } | null = null;

  function assertAlive(lifetime: AbortSignal): void {
    if (lifetime.aborted) throw notSignedIn();
  }

  async function exchange(stale: StoredSession, lifetime: AbortSignal): Promise<void> {
    const found = await tokens.load();
    assertAlive(lifetime);
    if (found === null || replaces(found, stale)) {
      host.adopt(found);
      return assertAlive(lifetime);
    }
    const askedAt = Date.now();
    let answer: TokenAnswer;
    try {
      answer = await api.refresh(stale, lifetime);
    } catch (error) {
      assertAlive(lifetime);
      if (!(error instanceof SessionError) || !isFinal(error, stale)) throw error;
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

  return async function refresh(stale: StoredSession): Promise<void> {
    const current = host.current();
    if (current === null) throw notSignedIn();
    if (replaces(current, stale)) return;
    const lifetime = host.lifetime();
    if (flight?.lifetime !== lifetime) {
      const done = lock(() => exchange(current, lifetime)).finally(() => {
        if (flight?.done === done) flight = null;
      });
      flight = { lifetime, done };
    }
    return flight.done;
  };
}
