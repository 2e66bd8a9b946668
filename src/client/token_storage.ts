import type { Awaitable, ScopedStore, StoreScope } from "./key_value_store.js";
import { NOBODY, type StoredSession } from "./stored_session.js";

/** Keeps one StoredSession. Never throws: what the store refuses is kept in memory. */
export interface TokenStorage {
  readonly scope: StoreScope;
  load(): Awaitable<StoredSession | null>;
  save(stored: StoredSession): Awaitable<void>;
  clear(): Awaitable<void>;
  /** Logouts that the server has not heard of yet, the oldest first. `clear` leaves them. */
  loadLogouts(): Awaitable<readonly StoredSession[]>;
  saveLogouts(logouts: readonly StoredSession[]): Awaitable<void>;
  /** When the user was last seen in any tab, in ms since the epoch; null: unknown or asynchronous. */
  lastActivity(): number | null;
  recordActivity(at: number): void;
  /**
   * Calls back when what another tab has saved can be read here: browsers show a
   * write to other tabs later than they deliver a message about it. Returns the
   * function that stops it.
   */
  onSaved(listener: () => void): () => void;
}

const ACCESS = "access_token";
const REFRESH = "refresh_token";
const DETAILS = "curfew_session";
const ACTIVITY = "curfew_last_activity";
const LOGOUTS = "curfew_logouts";

const UNKNOWN: StoredSession = {
  ...NOBODY,
  expiresAt: null,
  expiresIn: null,
  generation: 0,
  session: null,
};

/** A value of JSON that is an object or a list as `otherwise` is, else that. */
function parse<T extends object>(text: string | null | undefined, otherwise: T): T {
  try {
    const value: unknown = JSON.parse(text ?? "");
    const isAlike = Array.isArray(value) === Array.isArray(otherwise);
    return isAlike && typeof value === "object" && value !== null ? (value as T) : otherwise;
  } catch {
    return otherwise;
  }
}

function assemble([access, refresh, text]: readonly (string | null)[]): StoredSession | null {
  if (text == null && !access && !refresh) return null;
  const tokens = { accessToken: access ?? null, refreshToken: refresh ?? null };
  return { ...UNKNOWN, ...parse(text, {}), ...tokens };
}

const isPromise = <T>(value: Awaitable<T>): value is Promise<T> => value instanceof Promise;

/** Does work of a store, which may fail at once or later; then gives `otherwise()`. */
function attempt<T>(work: () => Awaitable<T>, otherwise: () => T): Awaitable<T> {
  try {
    const done = work();
    return isPromise(done) ? done.catch(otherwise) : done;
  } catch {
    return otherwise();
  }
}

/**
 * Token storage in a key-value store, under the keys `access_token`,
 * `refresh_token` (absent in cookie mode) and `curfew_session`, each after the
 * prefix. Synchronous where the store is, so that a page knows at once whether
 * somebody is signed in.
 */
export function createTokenStorage({ store, scope }: ScopedStore, prefix = ""): TokenStorage {
  const keyOf = (name: string) => prefix + name;
  let copy: StoredSession | null = null;
  let logouts: readonly StoredSession[] = [];
  // What could not be written is not there to be read.
  let isRefused = false;
  // An asynchronous store is written in order, and read after.
  let writing: Promise<void> | null = null;

  const keep = (stored: StoredSession | null) => {
    copy = stored;
    return stored;
  };
  const get = (name: string) => store.getItem(keyOf(name));
  const put = (name: string, value: string | null) =>
    value === null ? store.removeItem(keyOf(name)) : store.setItem(keyOf(name), value);

  function write(stored: StoredSession | null, changes: () => Awaitable<void>[]): Awaitable<void> {
    const run = (): Awaitable<void> => {
      isRefused = false;
      return attempt(
        () => {
          const pending = changes().filter(isPromise);
          if (pending.length > 0) return Promise.all(pending).then(() => undefined);
        },
        () => {
          isRefused = true;
        },
      );
    };
    keep(stored);
    const done = writing === null ? run() : writing.then(run);
    if (isPromise(done)) {
      writing = done;
      void done.then(() => {
        if (writing === done) writing = null;
      });
    }
    return done;
  }

  return {
    scope,
    load() {
      if (writing !== null) return writing.then(() => this.load());
      if (isRefused) return copy;
      return attempt(
        () => {
          const items = [ACCESS, REFRESH, DETAILS].map(get);
          return items.some(isPromise)
            ? Promise.all(items).then((texts) => keep(assemble(texts)))
            : keep(assemble(items as (string | null)[]));
        },
        () => copy,
      );
    },
    save(stored) {
      const { accessToken, refreshToken, ...details } = stored;
      // The details last: they say which session and generation it is, and stand for the whole.
      return write(stored, () => [
        put(REFRESH, refreshToken),
        put(ACCESS, accessToken),
        put(DETAILS, JSON.stringify(details)),
      ]);
    },
    clear() {
      return write(null, () => [ACCESS, REFRESH, DETAILS, ACTIVITY].map((name) => put(name, null)));
    },
    loadLogouts: () =>
      attempt(
        () => {
          const text = get(LOGOUTS);
          // Those of this page are known without the store too.
          return isPromise(text) ? text.then((late) => parse(late, logouts)) : parse(text, logouts);
        },
        () => logouts,
      ),
    saveLogouts(next) {
      logouts = next;
      return attempt(
        () => put(LOGOUTS, next.length > 0 ? JSON.stringify(next) : null),
        () => undefined,
      );
    },
    lastActivity() {
      const at = attempt(
        () => get(ACTIVITY),
        () => null,
      );
      return typeof at === "string" ? Number(at) || null : null;
    },
    recordActivity(at) {
      // What fails here, other tabs hear over the channel.
      void attempt(
        () => put(ACTIVITY, String(at)),
        () => undefined,
      );
    },
    onSaved(listener) {
      if (scope !== "origin" || typeof window === "undefined") return () => undefined;
      const page = window;
      const hear = ({ storageArea, key, newValue }: StorageEvent) => {
        if (storageArea === store && key === keyOf(DETAILS) && newValue !== null) listener();
      };
      page.addEventListener("storage", hear);
      return () => page.removeEventListener("storage", hear);
    },
  };
}
