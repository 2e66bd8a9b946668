import type { AuthApi, SessionAnswer } from "./auth_api.js";
import type { Credentials } from "./credentials.js";
import { effectOf } from "./error_code.js";
import type { LiveSession } from "./live_session.js";
import { codeOf, endsRefresh, localError, notSignedIn } from "./session_error.js";
import { createSingleFlight } from "./single_flight.js";
import { storedFrom } from "./stored_from.js";
import { NOBODY, type StoredSession } from "./stored_session.js";

/** In cookie mode the browser determines whose session it is, and the page's knowledge may be outdated. */
export interface CookieOwner {
  /**
   * Asks the server whose session the cookies belong to, and takes it over. Resolves to the session if it belongs to
   * the user of `used`, or `used` is null. Throws `session_changed` if it belongs to another user, and the server's
   * error if it is over.
   */
  reconcile(used: StoredSession | null): Promise<StoredSession>;
  /** Whether the page sees that the browser has got other cookies since. */
  isContradicted(stored: StoredSession): boolean;
  /** Whether the page sees cookies of a session that it has not asked about yet. */
  isUnknown(): boolean;
  /**
   * Throws `cookies_refused` unless the browser sends the cookies of this answer. A missing answer is no refusal.
   */
  assertKept(answer: SessionAnswer): Promise<void>;
}

/** The dependencies of the cookie owner. */
export interface CookieOwnerDeps {
  readonly api: AuthApi;
  readonly credentials: Credentials;
  readonly live: LiveSession;
}

const isProofMissing = (error: unknown) => effectOf(codeOf(error)) === "refreshes";

/** Makes the owner check of one API. */
export function createCookieOwner({ api, credentials, live }: CookieOwnerDeps): CookieOwner {
  // Earlier requests about the session say nothing about the present one.
  const share = createSingleFlight<StoredSession>(live.lifetime);
  /** The anti-forgery token of cookies that are of no live session. */
  let dead: string | null = null;

  async function ask(): Promise<StoredSession> {
    const askedAt = Date.now();
    const answer: SessionAnswer = await api.owner().catch((error) => {
      if (!isProofMissing(error)) throw error;
      return api.refresh(NOBODY, { isBackground: true });
    });
    return storedFrom(answer, null, askedAt);
  }

  /** Whether the browser shows older cookies than those of an answer, or none. */
  async function isRefused({ session, generation }: SessionAnswer): Promise<boolean> {
    try {
      const found = await api.owner();
      if (found.session.session_id !== session?.session_id)
        return Date.parse(found.session.created_at) < Date.parse(session?.created_at ?? "");
      // A gateway of 0.1 reports no generation, which is no contradiction.
      return found.generation != null && found.generation < (generation ?? 0);
    } catch (error) {
      if (!isProofMissing(error) && endsRefresh(error)) throw error;
      return isProofMissing(error);
    }
  }

  return {
    async reconcile(used) {
      const cookies = credentials.csrf();
      const lifetime = live.lifetime();
      let found: StoredSession;
      try {
        found = await share(ask);
      } catch (error) {
        const isOver = endsRefresh(error);
        if (isOver) dead = cookies;
        if (used === null) live.settle(error);
        else if (isOver) await live.end(error, used);
        throw error;
      }
      // Signed out or in here meanwhile, and not by another call that asked the same.
      if (lifetime.aborted && live.current()?.id !== found.id) throw notSignedIn();
      await live.take(found);
      const isOfUser = found.session?.user_id === used?.session?.user_id || found.id === used?.id;
      if (used === null || isOfUser) return live.current() ?? found;
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
    async assertKept(answer) {
      if (credentials.mode !== "cookie" || !(await isRefused(answer))) return;
      throw localError(
        "cookies_refused",
        "The cookies were not kept: the browser blocks them, or a proxy removed them",
      );
    },
  };
}
