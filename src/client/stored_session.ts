import type { Session } from "./session.js";

/** The proof by which a caller shows that it belongs to a session. */
export interface Proof {
  /** The `session_id`. The client makes one up if the server sent none; it is empty if only tokens were found. */
  readonly id: string;
  /** Null in cookie mode, where no script sees it. */
  readonly accessToken: string | null;
  /** Null in cookie mode. */
  readonly refreshToken: string | null;
  /** The value that cookie mode repeats in X-CSRF-Token, as the API last sent it; null if only the cookie holds it. */
  readonly csrfToken: string | null;
}

/** Of no session that is known: whichever the cookies are of. */
export const NOBODY: Proof = { id: "", accessToken: null, refreshToken: null, csrfToken: null };

/** The data of a session that a browser keeps from one page to the next. */
export interface StoredSession extends Proof {
  /** When the access token expires by this machine's clock, in ms since the epoch; null: unknown. */
  readonly expiresAt: number | null;
  /** Seconds the access token was given for; null: unknown. */
  readonly expiresIn: number | null;
  /** Refreshes since the login; in cookie mode as the server counts them. Orders copies of one session. */
  readonly generation: number;
  /** The session as the server last sent it; null when only tokens were found. */
  readonly session: Session | null;
}

/** Whether both are copies of the same session, of whatever age. */
export const isSameSession = (a: StoredSession, b: StoredSession): boolean => a.id === b.id;

/** Whether `a` is to be used instead of `b`: another session, or a later refresh of the same. */
export const replaces = (a: StoredSession, b: StoredSession): boolean =>
  !isSameSession(a, b) || a.generation > b.generation;

/** Whether the access token is past its time by this machine's clock. */
export const isPastTime = (stored: StoredSession): boolean =>
  stored.expiresAt !== null && stored.expiresAt <= Date.now();
