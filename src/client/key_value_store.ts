/** A value, or the promise of one. */
export type Awaitable<T> = T | Promise<T>;

/**
 * Where tokens are kept: `localStorage`, `sessionStorage`, React Native's
 * AsyncStorage, or anything with these three methods.
 */
export interface KeyValueStore {
  getItem(key: string): Awaitable<string | null>;
  setItem(key: string, value: string): Awaitable<void>;
  removeItem(key: string): Awaitable<void>;
}

/**
 * The scope in which stored data is visible: all tabs of the `origin`, one `tab` (the browser copies its content when
 * the tab is duplicated), or this `page` alone.
 */
export type StoreScope = "origin" | "tab" | "page";

/** The stores that come with the client. */
export type BuiltInStore = "localStorage" | "sessionStorage" | "memory";

/** A store and who sees it. */
export interface ScopedStore {
  readonly store: KeyValueStore;
  readonly scope: StoreScope;
}

/** Keeps tokens until the page is left. */
export function createMemoryStore(): KeyValueStore {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

function webStore(name: "localStorage" | "sessionStorage"): KeyValueStore | null {
  // Only in a page: Node has a `localStorage` that warns when it is touched.
  if (typeof document === "undefined") return null;
  try {
    return globalThis[name] ?? null;
  } catch {
    // The user refuses storage to this site.
    return null;
  }
}

/** A built-in store by name; memory where the browser has not got it or refuses it. */
export function openBuiltInStore(name: BuiltInStore): ScopedStore {
  const store = name === "memory" ? null : webStore(name);
  if (store === null) return { store: createMemoryStore(), scope: "page" };
  return { store, scope: name === "localStorage" ? "origin" : "tab" };
}
