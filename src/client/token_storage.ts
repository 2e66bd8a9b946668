import type { Awaitable, ScopedStore, StoreScope } from "./key_value_store.js";
import { storedFrom } from "./stored_from.js";
import type { StoredSession } from "./stored_session.js";

/** Keeps one StoredSession. Never throws: data that the store refuses is kept in memory. */
export interface TokenStorage {
  readonly scope: StoreScope;
  /** As `load`, but at once where the store can. */
  peek(): Awaitable<StoredSession | null>;
  load(): Promise<StoredSession | null>;
  /** Resolves to whether other pages can read it. */
  save(stored: StoredSession): Promise<boolean>;
  clear(): Promise<unknown>;
  /** Logouts that the server has not heard of yet, the oldest first. `clear` leaves them. */
  loadLogouts(): Promise<readonly StoredSession[]>;
  saveLogouts(logouts: readonly StoredSession[]): Promise<void>;
  /** When the user was last seen in any tab, in ms since the epoch; null: unknown, as in an asynchronous store. */
  lastActivity(): number | null;
  recordActivity(at: number): void;
}

const ACCESS = "access_token";
const REFRESH = "refresh_token";
const DETAILS = "curfew_session";
const ACTIVITY = "curfew_last_activity";
const LOGOUTS = "curfew_logouts";

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
  return { ...storedFrom({}, null, 0), id: "", ...parse(text, {}), ...tokens };
}

/**
 * Token storage in a key-value store, under the keys `access_token`,
 * `refresh_token` (absent in cookie mode) and `curfew_session`, each after the
 * prefix.
 */
export function createTokenStorage({ store, scope }: ScopedStore, prefix = ""): TokenStorage {
  let copy: StoredSession | null = null;
  let logouts: readonly StoredSession[] = [];
  // What could not be written is not there to be read.
  let isRefused = false;
  // An asynchronous store is written in order, and read after.
  let writing: Promise<unknown> | null = null;
  let isAsynchronous = false;

  const get = (name: string) => store.getItem(prefix + name);
  const put = async (name: string, value: string | null) =>
    value === null ? store.removeItem(prefix + name) : store.setItem(prefix + name, value);

  /** Reads synchronously where the store can. A store that is temporarily unreadable signs no user out. */
  function read(): Awaitable<StoredSession | null> {
    try {
      const items = [ACCESS, REFRESH, DETAILS].map(get);
      isAsynchronous = items.some((item) => item instanceof Promise);
      return isAsynchronous
        ? Promise.all(items)
            .then(assemble)
            .catch(() => copy)
        : assemble(items as (string | null)[]);
    } catch {
      return copy;
    }
  }

  /** Writes at once, unless another write is under way. */
  function write(stored: StoredSession | null, begin: () => Promise<unknown>[]): Promise<boolean> {
    copy = stored;
    const run = () =>
      Promise.all(begin()).then(
        () => {
          isRefused = false;
          return true;
        },
        () => {
          isRefused = true;
          return false;
        },
      );
    const done = (writing?.then(run) ?? run()).finally(() => {
      if (writing === done) writing = null;
    });
    writing = done;
    return done;
  }

  return {
    scope,
    peek: read,
    async load() {
      await writing;
      if (isRefused) return copy;
      const found = await read();
      // A write that began meanwhile is to be read too.
      if (writing !== null) return this.load();
      copy = found;
      return found;
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
    clear: () =>
      write(null, () => [ACCESS, REFRESH, DETAILS, ACTIVITY].map((name) => put(name, null))),
    async loadLogouts() {
      try {
        // Those of this page are known without the store too.
        return parse(await get(LOGOUTS), logouts);
      } catch {
        return logouts;
      }
    },
    saveLogouts(next) {
      logouts = next;
      return put(LOGOUTS, next.length > 0 ? JSON.stringify(next) : null).catch(() => undefined);
    },
    lastActivity() {
      try {
        return isAsynchronous ? null : Number(get(ACTIVITY)) || null;
      } catch {
        return null;
      }
    },
    recordActivity(at) {
      // What fails here, other tabs hear over the channel.
      if (!isAsynchronous) put(ACTIVITY, String(at)).catch(() => undefined);
    },
  };
}
