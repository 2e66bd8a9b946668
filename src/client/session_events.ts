import type { LogoutResult } from "./logout_result.js";
import type { NetworkError } from "./network_error.js";
import type { Session } from "./session.js";
import type { SessionError } from "./session_error.js";
import type { User } from "./user.js";

/**
 * `loading` only while an asynchronous store is read, while the server determines whose cookies the browser has, and on
 * a server that renders the page.
 */
export type SessionStatus = "loading" | "authenticated" | "unauthenticated";

/** All that is known at one moment. A new object for each change, frozen by convention. */
export interface SessionSnapshot {
  readonly status: SessionStatus;
  /** Null until login or `loadProfile` supplies the user. */
  readonly user: User | null;
  /** As of the last login or refresh; null when only tokens were found. */
  readonly session: Session | null;
  /** Why the session ended, or the last login or profile failed; null after the next success. */
  readonly error: SessionError | NetworkError | null;
}

/** Where an event comes from. */
export interface SessionEvent {
  /** Whether another tab of this origin did it. */
  readonly fromOtherTab: boolean;
}

/** The events of a SessionManager. The state has already changed when an event arrives. */
export interface SessionEventMap {
  login: SessionEvent;
  refresh: SessionEvent;
  /** The user signed out. */
  logout: SessionEvent;
  /** The session ended otherwise; `error.code` says why. */
  ended: SessionEvent & { readonly error: SessionError };
  /**
   * Another page signed in, maybe as another user: this page's display of `previous` is outdated. Follows `login`.
   */
  changed: SessionEvent & { readonly previous: Session | null };
  /** What became of a logout, in the end: the server has confirmed it, or there is no way to. */
  delivered: LogoutResult;
  /** Any change of the snapshot; follows each of the others. */
  change: SessionSnapshot;
}

/** Before anything is known. */
export const LOADING: SessionSnapshot = {
  status: "loading",
  user: null,
  session: null,
  error: null,
};
