import type { Emitter } from "./emitter.js";
import { effectOf } from "./error_code.js";
import { createInactivityTimer, inactivityTimeoutFor } from "./inactivity_timer.js";
import { watchPage } from "./page_lifecycle.js";
import { createRefreshSchedule } from "./refresh_schedule.js";
import { isAnswer, SessionError } from "./session_error.js";
import { LOADING, type SessionEventMap, type SessionSnapshot } from "./session_events.js";
import type { SessionSettings } from "./session_options.js";
import { isSameSession, replaces, type StoredSession } from "./stored_session.js";
import { openTabChannel, type TabChannel, type TabMessage } from "./tab_channel.js";
import type { User } from "./user.js";

/** The dependencies of the session of this tab. */
export interface LiveSessionDeps {
  readonly settings: SessionSettings;
  /** Tabs with the same name share. */
  readonly name: string;
  readonly events: Emitter<SessionEventMap>;
  /** Reports its own failure to `refreshFailed`. */
  readonly refresh: (stale: StoredSession, isBackground: boolean) => void;
  readonly onInactive: () => void;
  /** The page may have slept, or the network is back. */
  readonly onWake: () => void;
}

/** The session as this tab knows it. */
export type LiveSession = ReturnType<typeof createLiveSession>;

/** How a session of this tab came or went. */
interface SessionChange {
  /** Whether another tab of this origin, or another page of this browser, did it. */
  readonly fromOtherTab?: boolean;
  /** Whether the storage and the other tabs know. Default: where it comes from there. */
  readonly isStored?: boolean;
  /** The reason of the end; absent if the user signed out. */
  readonly error?: SessionError | null;
  /** The signed-in user. */
  readonly user?: User | null;
}

/** Telling the other tabs of each click would be noise. */
const SHARE_ACTIVITY_EVERY_MS = 1000;

/**
 * The one place where the session of this tab changes: it keeps and stores the session, notifies the other tabs and the
 * listeners, and runs the timers. No timer or channel exists before `open`, so an unused instance costs and leaks
 * nothing.
 */
export function createLiveSession(deps: LiveSessionDeps) {
  const { settings, events, onInactive } = deps;
  const { tokens, credentials } = settings;
  let current: StoredSession | null = null;
  let snapshot: SessionSnapshot = LOADING;
  /** Aborted when the current session is replaced or dropped. */
  let lifetime = new AbortController();
  let channel: TabChannel | null = null;
  let stopWatching = () => {};
  let lastShared = 0;
  let renewedAt = 0;

  const inactivity = createInactivityTimer({ onInactive, lastActivity: tokens.lastActivity });
  const schedule = createRefreshSchedule(() => {
    // A refresh that no use has caused does not count as a use.
    if (current) deps.refresh(current, inactivity.lastUse() <= renewedAt);
  });

  function startInactivityTimer(from = Date.now()): void {
    const { inactivityTimeoutMs: chosen = inactivityTimeoutFor(current?.session ?? null) } =
      settings;
    if (current && chosen !== null) inactivity.start(chosen, from);
  }

  function disarm(): void {
    schedule.stop();
    inactivity.stop();
  }

  /** Changes the displayed state of the same session. */
  function show(change: Partial<SessionSnapshot>): void {
    snapshot = { ...snapshot, ...change };
    events.emit("change", snapshot);
  }

  /** Makes `next` the session of this tab; null means none. Notifies nobody. */
  function replace(next: StoredSession | null, user: User | null = null): void {
    const before = lifetime;
    const isSame = next?.id === current?.id;
    if (!isSame) lifetime = new AbortController();
    current = next;
    snapshot = {
      status: next ? "authenticated" : "unauthenticated",
      user: isSame ? snapshot.user : user,
      session: next?.session ?? null,
      error: null,
    };
    // Abort last: a listener then sees the new state.
    if (!isSame) before.abort();
  }

  /**
   * Makes `next` the session of this tab and notifies the listeners. Unless the other tabs already know the session,
   * stores it and notifies them.
   */
  async function become(next: StoredSession | null, change: SessionChange = {}): Promise<void> {
    const { fromOtherTab = false, isStored = fromOtherTab, error, user } = change;
    const before = current;
    const isSame = next?.id === before?.id;
    const stored = isStored || (next ? tokens.save(next) : tokens.clear());
    replace(next, user);
    if (error) snapshot = { ...snapshot, error };
    if (!next) disarm();
    else if (channel) {
      schedule.plan(next);
      if (!isSame) startInactivityTimer();
    }
    if (next && !fromOtherTab) {
      renewedAt = Date.now();
      if (!isSame) tokens.recordActivity(renewedAt);
    }

    const type = !next ? "logout" : isSame ? "refresh" : "login";
    if (error) events.emit("ended", { error, fromOtherTab });
    else events.emit(type, { fromOtherTab });
    if (type === "login" && before && fromOtherTab) {
      events.emit("changed", { previous: before.session, fromOtherTab });
    }
    events.emit("change", snapshot);

    const isKept = await stored;
    if (isStored) return;
    const isShared = tokens.scope === "origin" && isKept;
    if (!next) {
      channel?.post({ type: "signed_out", id: before?.id ?? "", error: error?.toJSON() ?? null });
    } else if (tokens.scope !== "page" || credentials.mode === "cookie") {
      // A duplicated tab has the same session in a store of its own, as has a page whose store
      // is full; cookies are everybody's.
      channel?.post({ type: "tokens", stored: isShared ? null : next });
    }
  }

  /** Takes over what another tab has left in the storage; null: it signed out. */
  function adopt(found: StoredSession | null): void {
    if (found ? !current || replaces(found, current) : current) {
      void become(found, { fromOtherTab: true });
    }
  }

  /**
   * Takes over the session that another tab has saved, once it is complete. A removed session is reported in another
   * way.
   */
  async function readSaved(): Promise<void> {
    const found = await tokens.load();
    if (found?.id) adopt(found);
  }

  async function hearTokens(stored: StoredSession | null): Promise<void> {
    if (stored === null) return readSaved();
    const isOurs = stored.id !== "" && stored.id === current?.id;
    if (credentials.mode !== "cookie" && !isOurs) return;
    if (current && !replaces(stored, current)) return;
    await tokens.save(stored);
    adopt(stored);
  }

  function hear(message: TabMessage): void {
    if (message.type === "tokens") void hearTokens(message.stored);
    else if (message.id !== current?.id) return;
    else if (message.type === "activity") inactivity.touch(message.at);
    else {
      if (tokens.scope !== "origin") void tokens.clear();
      const error = message.error && new SessionError(message.error);
      void become(null, { fromOtherTab: true, error });
    }
  }

  function begin(found: StoredSession | null): void {
    // Cookies of a session that the storage does not know: the server is asked for it.
    if (found !== null || credentials.csrf() === null) replace(found);
  }

  // Read the stored session synchronously if the store allows it.
  const first = tokens.peek();
  const loading =
    first instanceof Promise
      ? first.then((found) => {
          begin(found);
          events.emit("change", snapshot);
        })
      : begin(first);

  /** Catches up with what happened while timers stood still. */
  async function wake(): Promise<void> {
    inactivity.check();
    adopt(await tokens.load());
    schedule.hurry();
    deps.onWake();
  }

  return {
    current: () => current,
    snapshot: () => snapshot,
    lifetime: () => lifetime.signal,
    inactivity,
    schedule,
    show,
    become,
    adopt,
    startInactivityTimer,
    refreshFailed(error: unknown): void {
      if (channel && current) schedule.failed(error);
    },

    /** Starts timers and the line to other tabs; resolves when the storage has been read. */
    async open(): Promise<void> {
      const isFirst = channel === null;
      if (isFirst) {
        channel = openTabChannel(deps.name, hear);
        stopWatching = watchPage(
          () => void wake(),
          () => void readSaved(),
        );
      }
      await loading;
      if (!isFirst) return;
      adopt(await tokens.load());
      // It may have been closed while the storage was read.
      if (!current || !channel) return;
      schedule.plan(current);
      // The user was also inactive while no page was open.
      if (inactivity.deadline() === null) startInactivityTimer(tokens.lastActivity() ?? undefined);
    },

    /** Stops what `open` started; the session stays. */
    close(): void {
      disarm();
      stopWatching();
      channel?.close();
      channel = null;
    },

    /** The session that the browser's cookies turned out to be of. */
    async take(found: StoredSession): Promise<void> {
      const isSame = found.id === current?.id;
      // The server sends less about the session than the last refresh did.
      const next =
        isSame && current && found.expiresAt === null
          ? { ...current, csrfToken: found.csrfToken, session: found.session }
          : found;
      await become(next, { fromOtherTab: !isSame, isStored: false });
    },

    /** No user is signed in, as far as is known; `error` is the reason why this is uncertain. */
    settle(error: unknown): void {
      if (snapshot.status !== "loading") return;
      replace(null);
      show({ error: isAnswer(error) ? error : null });
    },

    /**
     * Ends the session here: the session, or in a refresh its tokens, are no longer valid, and no user signed out here.
     */
    async end(error: SessionError, stale: StoredSession): Promise<void> {
      const stored = await tokens.load();
      if (!current || !isSameSession(current, stale)) return;
      // Another tab has signed in, or has newer tokens: those are not the ones that were refused.
      const isOver = effectOf(error.code) === "ends";
      const hasOther = stored && (isOver ? !isSameSession(stored, stale) : replaces(stored, stale));
      if (hasOther) return adopt(stored);
      await become(null, { error });
    },

    /** The user signed out. */
    async forget(): Promise<void> {
      if (current) await become(null);
    },

    /** The user is there. */
    touch(): void {
      if (current === null) return;
      const at = Date.now();
      inactivity.touch(at);
      if (at - lastShared < SHARE_ACTIVITY_EVERY_MS) return;
      lastShared = at;
      tokens.recordActivity(at);
      channel?.post({ type: "activity", id: current.id, at });
    },
  };
}
