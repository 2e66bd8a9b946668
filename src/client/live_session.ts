import type { Emitter } from "./emitter.js";
import { createInactivityTimer, inactivityTimeoutFor } from "./inactivity_timer.js";
import type { Awaitable } from "./key_value_store.js";
import { NetworkError } from "./network_error.js";
import { watchPage } from "./page_lifecycle.js";
import { createRefreshSchedule } from "./refresh_schedule.js";
import { SessionError, type SessionErrorFields } from "./session_error.js";
import type { SessionEventMap } from "./session_events.js";
import type { SessionSettings } from "./session_options.js";
import { createSessionState } from "./session_state.js";
import { isSameSession, replaces, type StoredSession } from "./stored_session.js";
import { openTabChannel, type TabChannel, type TabMessage } from "./tab_channel.js";
import type { User } from "./user.js";

/** What the session of this tab needs. */
export interface LiveSessionDeps {
  readonly settings: SessionSettings;
  /** Tabs with the same name share. */
  readonly name: string;
  readonly events: Emitter<SessionEventMap>;
  readonly refresh: () => Promise<void>;
  readonly onInactive: () => void;
  /** The page may have slept, or the network is back. */
  readonly onWake: () => void;
}

/** The session as this tab knows it. */
export type LiveSession = ReturnType<typeof createLiveSession>;

/** Telling the other tabs of each click would be noise. */
const SHARE_ACTIVITY_EVERY_MS = 1000;

/**
 * The one place where the session of this tab changes: keeps it, stores it,
 * tells the other tabs and the listeners, and runs its timers. Quiet (no timer,
 * no channel) until `open`, so that making one costs and leaks nothing.
 */
export function createLiveSession(deps: LiveSessionDeps) {
  const { settings, events } = deps;
  const { tokens, credentials } = settings;
  const { onInactive } = deps;
  const inactivity = createInactivityTimer({ onInactive, lastActivity: tokens.lastActivity });
  const schedule = createRefreshSchedule(deps.refresh);
  const state = createSessionState();
  let channel: TabChannel | null = null;
  let stopWatching = () => {};
  let lastShared = 0;
  let renewedAt = 0;

  function startInactivityTimer(from = Date.now()): void {
    const current = state.current();
    const { inactivityTimeoutMs: chosen = inactivityTimeoutFor(current?.session ?? null) } =
      settings;
    if (current !== null && chosen !== null) inactivity.start(chosen, from);
  }

  function disarm(): void {
    schedule.stop();
    inactivity.stop();
  }

  function become(next: StoredSession, fromOtherTab: boolean, user?: User | null): void {
    const before = state.current();
    const type = state.become(next);
    if (user !== undefined) state.show({ user });
    if (channel !== null) {
      schedule.plan(next);
      if (type === "login") startInactivityTimer();
    }
    events.emit(type, { fromOtherTab });
    if (type === "login" && before !== null && fromOtherTab) {
      events.emit("changed", { previous: before.session, fromOtherTab });
    }
    events.emit("change", state.snapshot());
  }

  function drop(error: SessionError | null, fromOtherTab: boolean): void {
    disarm();
    state.drop(error);
    if (error === null) events.emit("logout", { fromOtherTab });
    else events.emit("ended", { error, fromOtherTab });
    events.emit("change", state.snapshot());
  }

  function adopt(found: StoredSession | null): void {
    const current = state.current();
    if (found === null ? current !== null : current === null || replaces(found, current)) {
      if (found === null) drop(null, true);
      else become(found, true);
    }
  }

  async function keep(next: StoredSession): Promise<void> {
    await tokens.save(next);
    if (tokens.scope === "origin") channel?.post({ type: "tokens", stored: null });
    // A duplicated tab has the same session in a store of its own; cookies are everybody's.
    else if (tokens.scope === "tab" || credentials.mode === "cookie") {
      channel?.post({ type: "tokens", stored: next });
    }
  }

  async function forget(error: SessionError | null): Promise<void> {
    const id = state.current()?.id ?? "";
    const cleared = tokens.clear();
    drop(error, false);
    channel?.post({ type: "signed_out", id, error: error?.toJSON() ?? null });
    await cleared;
  }

  const read = (): Awaitable<void> => {
    const found = tokens.load();
    return found instanceof Promise ? found.then(adopt) : adopt(found);
  };

  /** Another tab has saved: takes it over once it is whole; that there is none, it tells otherwise. */
  async function readSaved(): Promise<void> {
    const found = await tokens.load();
    if (found !== null && found.id !== "") adopt(found);
  }

  async function hearTokens(stored: StoredSession | null): Promise<void> {
    if (stored === null) return tokens.scope === "origin" ? readSaved() : undefined;
    const current = state.current();
    const isOurs = current !== null && current.id !== "" && isSameSession(stored, current);
    if (credentials.mode !== "cookie" && !isOurs) return;
    if (current !== null && !replaces(stored, current)) return;
    await tokens.save(stored);
    adopt(stored);
  }

  function hearSignedOut(error: SessionErrorFields | null): void {
    if (tokens.scope !== "origin") void tokens.clear();
    drop(error && new SessionError(error), true);
  }

  function hear(message: TabMessage): void {
    if (message.type === "tokens") {
      void hearTokens(message.stored);
    } else if (message.id === state.current()?.id) {
      if (message.type === "activity") inactivity.touch(message.at);
      else hearSignedOut(message.error);
    }
  }

  // What is stored is known at once where the store can say it.
  const first = tokens.load();
  const begin = (found: StoredSession | null) => {
    if (found !== null) state.become(found);
    // Cookies of a session that the storage does not know: the server is asked for it.
    else if (credentials.csrf() === null) state.drop(null);
  };
  let loading: Awaitable<void> =
    first instanceof Promise
      ? first.then((found) => {
          begin(found);
          loading = undefined;
          events.emit("change", state.snapshot());
        })
      : begin(first);

  /** Catches up with what happened while timers stood still. */
  async function wake(): Promise<void> {
    inactivity.check();
    await read();
    schedule.hurry();
    deps.onWake();
  }

  function connect(): void {
    channel = openTabChannel(deps.name, hear);
    const stops = [watchPage(() => void wake()), tokens.onSaved(() => void readSaved())];
    stopWatching = () => {
      for (const stop of stops) stop();
    };
  }

  return {
    current: state.current,
    snapshot: state.snapshot,
    lifetime: state.lifetime,
    adopt,
    startInactivityTimer: () => startInactivityTimer(),
    stopInactivityTimer: inactivity.stop,
    inactivityDeadline: inactivity.deadline,
    /** Whether the user has been away for too long, also where no timer has told yet. */
    isInactive: inactivity.isDue,
    refreshFailed(error: unknown): void {
      if (channel !== null && state.current() !== null) schedule.failed(error);
    },
    isRefreshFutile: schedule.isFutile,
    /** Whether the user has been seen since the present access token came. */
    isUsed: () => inactivity.lastUse() > renewedAt,

    /** Starts timers and the line to other tabs; resolves when the storage has been read. */
    async open(): Promise<void> {
      if (channel === null) {
        connect();
        await loading;
        await read();
        const current = state.current();
        // It may have been closed while the storage was read.
        if (current !== null && channel !== null) {
          schedule.plan(current);
          // Also while no page was open nobody was there.
          if (inactivity.deadline() === null)
            startInactivityTimer(tokens.lastActivity() ?? undefined);
        }
      } else await loading;
    },

    /** Stops what `open` started; the session stays. */
    close(): void {
      disarm();
      stopWatching();
      channel?.close();
      channel = null;
    },

    /** A session that this tab has just made. */
    async login(next: StoredSession, user: User | null): Promise<void> {
      become(next, false, user);
      renewedAt = Date.now();
      tokens.recordActivity(renewedAt);
      await keep(next);
    },

    /** The session that the browser's cookies turned out to be of. */
    async take(found: StoredSession): Promise<void> {
      const current = state.current();
      const isSame = current !== null && isSameSession(found, current);
      // The server tells less of it than the last refresh did.
      const next =
        isSame && found.expiresAt === null
          ? { ...current, csrfToken: found.csrfToken, session: found.session }
          : found;
      become(next, !isSame);
      await keep(next);
    },

    /** Nobody is signed in, as far as is known; `error` says why it is not known better. */
    settle(error: unknown): void {
      if (state.snapshot().status !== "loading") return;
      state.drop(error instanceof SessionError || error instanceof NetworkError ? error : null);
      events.emit("change", state.snapshot());
    },

    /** Tokens that this tab has just got for the current session. */
    async renew(next: StoredSession): Promise<void> {
      become(next, false);
      renewedAt = Date.now();
      await keep(next);
    },

    /** The session is over, and nobody here asked for it. */
    async end(error: SessionError, stale: StoredSession): Promise<void> {
      const stored = await tokens.load();
      const current = state.current();
      if (current === null || !isSameSession(current, stale)) return;
      // Another tab has signed in already: its session is not the one that ended.
      if (stored !== null && !isSameSession(stored, stale)) return adopt(stored);
      await forget(error);
    },

    /** The user signed out. */
    async forget(): Promise<void> {
      if (state.current() !== null) await forget(null);
    },

    /** The user is there. */
    touch(): void {
      const id = state.current()?.id;
      if (id === undefined) return;
      const at = Date.now();
      inactivity.touch(at);
      if (at - lastShared < SHARE_ACTIVITY_EVERY_MS) return;
      lastShared = at;
      tokens.recordActivity(at);
      channel?.post({ type: "activity", id, at });
    },

    show(change: Parameters<typeof state.show>[0]): void {
      state.show(change);
      events.emit("change", state.snapshot());
    },
  };
}
