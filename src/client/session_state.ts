import { LOADING, type SessionSnapshot } from "./session_events.js";
import { isSameSession, type StoredSession } from "./stored_session.js";
import type { User } from "./user.js";

/** The session of this tab, in memory. */
export interface SessionState {
  current(): StoredSession | null;
  snapshot(): SessionSnapshot;
  /** Aborted when the current session is replaced or dropped. */
  lifetime(): AbortSignal;
  /** Makes `next` current: a refresh when it is of the current session, else a login. */
  become(next: StoredSession): "refresh" | "login";
  /** Leaves no session; `error` says why, null when somebody signed out or nobody was signed in. */
  drop(error: SessionSnapshot["error"]): void;
  /** Changes what is shown of the same session. */
  show(change: Partial<Pick<SessionSnapshot, "user" | "error">>): void;
}

/** Makes a state in which nothing is known yet. */
export function createSessionState(): SessionState {
  let current: StoredSession | null = null;
  let snapshot: SessionSnapshot = LOADING;
  let lifetime = new AbortController();

  function replace(next: StoredSession | null, shown: SessionSnapshot): void {
    const isSame = next !== null && current !== null && isSameSession(next, current);
    const before = lifetime;
    if (!isSame) lifetime = new AbortController();
    current = next;
    snapshot = shown;
    // Last: whoever hears of it sees the new state.
    if (!isSame) before.abort();
  }

  return {
    current: () => current,
    snapshot: () => snapshot,
    lifetime: () => lifetime.signal,
    become(next) {
      const isRefresh = current !== null && isSameSession(next, current);
      const user: User | null = isRefresh ? snapshot.user : null;
      replace(next, { status: "authenticated", user, session: next.session, error: null });
      return isRefresh ? "refresh" : "login";
    },
    drop(error) {
      replace(null, { status: "unauthenticated", user: null, session: null, error });
    },
    show(change) {
      snapshot = { ...snapshot, ...change };
    },
  };
}
