import type { AuthApi, OwnerAnswer, TokenAnswer } from "./auth_api.js";
import type { Credentials } from "./credentials.js";
import { effectOf, endsRefresh } from "./error_code.js";
import type { LiveSession } from "./live_session.js";
import { localError, notSignedIn, SessionError } from "./session_error.js";
import { storedFrom } from "./stored_from.js";
import { isSameSession, NOBODY, type StoredSession } from "./stored_session.js";

/** In cookie mode the browser knows whose session it is, and what the page knows may be old. */
export interface CookieOwner {
  /**
   * Asks whose session the cookies are of, and takes it over. Resolves to it if
   * it is of the user of `used`, or `used` is null. Throws `session_changed` if
   * it is another user's, and what the server says if it is over.
   */
  reconcile(used: StoredSession | null): Promise<StoredSession>;
  /** Whether the page sees that the browser has got other cookies since. */
  isContradicted(stored: StoredSession): boolean;
  /** Whether the page sees cookies of a session that it has not asked about yet. */
  isUnknown(): boolean;
  /**
   * Throws `cookies_refused` unless the browser shows the cookies of this
   * answer. That nobody answers is no refusal.
   */
  assertKept(answer: TokenAnswer): Promise<void>;
}

/** What is needed. */
export interface CookieOwnerDeps {
  readonly api: AuthApi;
  readonly credentials: Credentials;
  readonly live: LiveSession;
}

const isProofMissing = (error: unknown) =>
  error instanceof SessionError && effectOf(error.code) === "refreshes";

const refused = () =>
  localError(
    "cookies_refused",
    "The browser did not keep the session's cookies: it blocks them, or a proxy removed them",
  );

/** Makes the owner check of one API. */
export function createCookieOwner({ api, credentials, live }: CookieOwnerDeps): CookieOwner {
  let flight: Promise<StoredSession> | null = null;
  /** The anti-forgery token of cookies that are of no live session. */
  let dead: string | null = null;

  async function ask(): Promise<StoredSession> {
    const askedAt = Date.now();
    try {
      const { session, csrf_token: csrfToken = null, generation } = await api.owner();
      return {
        ...NOBODY,
        id: session.session_id,
        csrfToken,
        expiresAt: null,
        expiresIn: null,
        generation: generation ?? 0,
        session,
      };
    } catch (error) {
      if (!isProofMissing(error)) throw error;
      return storedFrom(await api.refresh(NOBODY, { isBackground: true }), null, askedAt);
    }
  }

  return {
    async reconcile(used) {
      const cookies = credentials.csrf();
      let found: StoredSession;
      try {
        flight ??= ask().finally(() => {
          flight = null;
        });
        found = await flight;
      } catch (error) {
        const isOver = error instanceof SessionError && endsRefresh(error.code);
        if (isOver) dead = cookies;
        if (used === null) live.settle(error);
        else if (isOver) await live.end(error, used);
        throw error;
      }
      // Signed out here meanwhile.
      if (used !== null && live.current() === null) throw notSignedIn();
      await live.take(found);
      const isSameUser = found.session?.user_id === used?.session?.user_id;
      if (used === null || isSameUser || isSameSession(found, used)) return live.current() ?? found;
      throw localError("session_changed", "Another page has signed in as somebody else");
    },
    isContradicted({ csrfToken }) {
      const cookie = credentials.csrf();
      return cookie !== null && csrfToken !== null && cookie !== csrfToken;
    },
    isUnknown() {
      const cookie = credentials.csrf();
      return cookie !== null && cookie !== dead;
    },
    async assertKept({ session, generation }) {
      if (credentials.mode !== "cookie") return;
      let found: OwnerAnswer;
      try {
        found = await api.owner();
      } catch (error) {
        if (isProofMissing(error)) throw refused();
        if (error instanceof SessionError && endsRefresh(error.code)) throw error;
        return;
      }
      const { session_id: id, created_at: createdAt } = found.session;
      const isOlder =
        id === session?.session_id
          ? // A gateway of 0.1 reports no generation, which is no contradiction.
            found.generation != null && found.generation < (generation ?? 0)
          : Date.parse(createdAt) < Date.parse(session?.created_at ?? "");
      if (isOlder) throw refused();
    },
  };
}
