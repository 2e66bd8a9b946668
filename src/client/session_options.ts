import { type Credentials, createCredentials, type SessionMode } from "./credentials.js";
import { readCsrfToken } from "./csrf_token.js";
import { type BuiltInStore, type KeyValueStore, openBuiltInStore } from "./key_value_store.js";
import type { Locks } from "./refresh_lock.js";
import { createTokenStorage, type TokenStorage } from "./token_storage.js";

/** Options of SessionManager. */
export interface SessionManagerOptions {
  /**
   * `cookie` keeps tokens out of every script's reach; the API must be on the
   * page's site, and list the page's origin if that is another. Default `bearer`.
   */
  readonly mode?: SessionMode;
  /**
   * Where to keep tokens, or in cookie mode the session's facts. An own store
   * counts as shared by all tabs. Default `localStorage`, memory outside a page.
   */
  readonly storage?: BuiltInStore | KeyValueStore;
  /** Put before the storage's keys, where two APIs are used on one origin. Default none. */
  readonly storageKeyPrefix?: string;
  /** Origins besides the API's that `apiRequest` may send credentials to. */
  readonly allowedOrigins?: readonly string[];
  /**
   * Milliseconds without a request until the user is signed out; null: never.
   * Default: five minutes less than the server's own timeout, 25 minutes when it is unknown.
   */
  readonly inactivityTimeoutMs?: number | null;
  /** Language of messages (BCP 47). Default: the browser's, without the region. */
  readonly language?: string;
  /** A name for this device, shown in the list of sessions. */
  readonly deviceName?: string;
  /** For a login, logout or refresh, milliseconds; the first try of a refresh gets 4 000 at most. Default 15 000. */
  readonly requestTimeoutMs?: number;
  /** Default the global one, looked up at each call. */
  readonly fetch?: typeof fetch;
  /** Default `navigator.locks`; null: do not coordinate with other tabs. */
  readonly locks?: Locks | null;
  /** The anti-forgery token in cookie mode. Default: from the readable `__Host-csrf` cookie. */
  readonly csrfToken?: () => string | null;
}

/** Options with nothing left open. */
export interface SessionSettings {
  readonly credentials: Credentials;
  readonly tokens: TokenStorage;
  readonly allowedOrigins: readonly string[];
  /** Undefined: as the server's. */
  readonly inactivityTimeoutMs: number | null | undefined;
  readonly language: () => string | undefined;
  readonly deviceName: string | undefined;
  readonly requestTimeoutMs: number;
  readonly fetch: typeof fetch;
  readonly locks: Locks | null;
}

/** Fills in the defaults. Throws RangeError for a timeout that is none. */
export function compileOptions(options: SessionManagerOptions): SessionSettings {
  for (const name of ["inactivityTimeoutMs", "requestTimeoutMs"] as const) {
    const value = options[name];
    if (value == null || value > 0) continue;
    throw new RangeError(`${name} must be more than 0 ms, not ${value}.`);
  }
  const { storage = "localStorage", csrfToken = readCsrfToken, locks } = options;
  const scoped =
    typeof storage === "string"
      ? openBuiltInStore(storage)
      : ({ store: storage, scope: "origin" } as const);
  return {
    credentials: createCredentials(options.mode ?? "bearer", csrfToken),
    tokens: createTokenStorage(scoped, options.storageKeyPrefix),
    allowedOrigins: options.allowedOrigins ?? [],
    inactivityTimeoutMs: options.inactivityTimeoutMs,
    language: () => options.language ?? globalThis.navigator?.language?.split("-")[0],
    deviceName: options.deviceName,
    requestTimeoutMs: options.requestTimeoutMs ?? 15_000,
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    locks: locks === undefined ? (globalThis.navigator?.locks ?? null) : locks,
  };
}
