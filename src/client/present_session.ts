import { within } from "./cancellation.js";
import type { CookieOwner } from "./cookie_owner.js";
import type { Credentials } from "./credentials.js";
import type { LiveSession } from "./live_session.js";
import { NetworkError } from "./network_error.js";
import { localError, notSignedIn, type SessionError } from "./session_error.js";
import type { StoredSession } from "./stored_session.js";
import type { UndeliveredLogouts } from "./undelivered_logouts.js";

/** A login and a page's start wait no longer than this for a logout to be delivered. */
export const LOGOUT_WAIT_MS = 5000;

/** The session that a call of this page may act in, at the moment of the call. */
export interface PresentSession {
  /** Opens the session. First delivers stored logouts, and asks the server for the session of cookies. */
  open(): Promise<void>;
  /** Lets the next call open it anew. */
  close(): void;
  /**
   * Delivers stored logouts, and asks the server whose session the cookies belong to where the page may be outdated.
   * Never rejects.
   */
  catchUp(): Promise<void>;
  /** Throws SessionError when no user is signed in, or the user was inactive for too long. */
  get(): Promise<StoredSession>;
  /** In cookie mode, takes over the session that the browser's cookies are of. Throws NetworkError. */
  adopt(): Promise<void>;
  /** Signs out a user who was inactive for too long, and resolves to the error that reports it. */
  endForInactivity(): Promise<SessionError>;
}

/** The dependencies of the present session. */
export interface PresentSessionDeps {
  readonly credentials: Credentials;
  readonly live: LiveSession;
  readonly owner: CookieOwner;
  readonly logouts: UndeliveredLogouts;
}

/** Makes the present session of a page. Nothing happens before `open` or `get`. */
export function createPresentSession(deps: PresentSessionDeps): PresentSession {
  const { credentials, live, owner, logouts } = deps;
  let opening: Promise<void> | null = null;

  async function start(): Promise<void> {
    await live.open();
    if (live.current() === null) await within(LOGOUT_WAIT_MS, catchUp());
    else void logouts.deliver();
  }

  async function catchUp(): Promise<void> {
    const { willRetry } = await logouts.deliver();
    const current = live.current();
    const isDoubtful =
      current === null ? !willRetry && owner.isUnknown() : owner.isContradicted(current);
    // What fails is in the snapshot, and the next call meets it again.
    if (isDoubtful) await owner.reconcile(current).catch(() => undefined);
    else live.settle(null);
  }

  function open(): Promise<void> {
    opening ??= start();
    return opening;
  }

  async function endForInactivity(): Promise<SessionError> {
    const error = localError("session_inactivity_timeout", "Signed out after a time without use");
    const stored = live.current();
    if (stored !== null) {
      await logouts.add(stored);
      await live.end(error, stored);
      void logouts.deliver();
    }
    return error;
  }

  return {
    open,
    catchUp,
    endForInactivity,
    close() {
      opening = null;
    },
    async adopt() {
      await live.open();
      if (credentials.mode !== "cookie") return;
      await owner.reconcile(live.current()).catch((error) => {
        // The snapshot holds the server's answer about the cookies.
        if (error instanceof NetworkError) throw error;
      });
    },
    async get() {
      await open();
      const stored = live.current();
      if (stored === null) throw notSignedIn();
      if (live.inactivity.isDue()) throw await endForInactivity();
      return owner.isContradicted(stored) ? owner.reconcile(stored) : stored;
    },
  };
}
