import type { Awaitable, ScopedStore, StoreScope } from "./key_value_store.js";
import type { StoredSession } from "./stored_session.js";

/** Keeps one StoredSession. Never throws: what the store refuses is kept in memory. */
export interface TokenStorage {
  readonly scope: StoreScope;
  load(): Awaitable<StoredSession | null>;
  save(stored: StoredSession): Awaitable<void>;
  clear(): Awaitable<void>;
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

function parseDetails(text: string | null): Partial<StoredSession> {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

function assemble([access, refresh, text]: readonly (string | null)[]): StoredSession | null {
  if (text == null && !access && !refresh) return null;
  const details = parseDetails(text ?? null);
  return {
    id: details.id ?? "",
    accessToken: access ?? null,
    refreshToken: refresh ?? null,
    csrfToken: details.csrfToken ?? null,
    expiresAt: details.expiresAt ?? null,
    expiresIn: details.expiresIn ?? null,
    generation: details.generation ?? 0,
    session: details.session ?? null,
  };
}

const isPromise = <T>(value: Awaitable<T>): value is Promise<T> => value instanceof Promise;

/**
 * Token storage in a key-value store, under the keys `access_token`,
 * `refresh_token` (absent in cookie mode) and `curfew_session`, each after the
 * prefix. Synchronous where the store is, so that a page knows at once whether
 * somebody is signed in.
 */
export function createTokenStorage({ store, scope }: ScopedStore, prefix = ""): TokenStorage {
  const keyOf = (name: string) => prefix + name;
  let copy: StoredSession | null = null;
  // What could not be written is not there to be read.
  let isRefused = false;
  // An asynchronous store is written in order, and read after.
  let writing: Promise<void> | null = null;

  const keep = (stored: StoredSession | null) => {
    copy = stored;
    return stored;
  };
  const put = (name: string, value: string | null) =>
    value === null ? store.removeItem(keyOf(name)) : store.setItem(keyOf(name), value);

  function write(stored: StoredSession | null, changes: () => Awaitable<void>[]): Awaitable<void> {
    const refuse = () => {
      isRefused = true;
    };
    const run = (): Awaitable<void> => {
      isRefused = false;
      try {
        const pending = changes().filter(isPromise);
        if (pending.length > 0) return Promise.all(pending).then(() => undefined, refuse);
      } catch {
        refuse();
      }
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
      try {
        const items = [ACCESS, REFRESH, DETAILS].map((name) => store.getItem(keyOf(name)));
        if (items.some(isPromise)) {
          return Promise.all(items).then(
            (texts) => keep(assemble(texts)),
            () => copy,
          );
        }
        return keep(assemble(items as (string | null)[]));
      } catch {
        return copy;
      }
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
    lastActivity() {
      try {
        const at = store.getItem(keyOf(ACTIVITY));
        return typeof at === "string" ? Number(at) || null : null;
      } catch {
        return null;
      }
    },
    recordActivity(at) {
      try {
        const pending = put(ACTIVITY, String(at));
        // Other tabs hear of it over the channel too.
        if (isPromise(pending)) pending.catch(() => undefined);
      } catch {
        return;
      }
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
