import type { Clock } from "../core/ports/clock.js";
import type { KeyStore, KeyUse, SigningAlgorithm } from "../core/ports/key_store.js";
import { readKeyDirectory } from "./keys/key_directory.js";
import { KeyError } from "./keys/key_error.js";
import { type KeySet, makeKeySet } from "./keys/key_set.js";
import type { RefreshKeys } from "./keys/refresh_key.js";
import { createReloadGate } from "./keys/reload_gate.js";
import type { PublicJwk, SigningKey, VerificationKey } from "./keys/signing_key.js";
import {
  ensureStoredKey,
  loadStoredRefreshKeys,
  loadStoredSigningKeys,
  type StoredKeysOptions,
} from "./keys/stored_keys.js";

/** How long a new key is published before it signs: longer than anyone keeps a JWKS. */
export const DEFAULT_PUBLICATION_MS = 10 * 60_000;

/** The least time between loads for unknown keys: forged tokens cause at most ten loads a second. */
const UNKNOWN_KEY_INTERVAL_MS = 100;

export interface KeyringOptions {
  readonly store: KeyStore;
  /** JWT_KEYS_DIR: signing keys, and the refresh key if it is there, come from these files. */
  readonly directory?: string | undefined;
  /** The algorithm of new tokens. Keys of others are accepted until they are retired. */
  readonly algorithm: SigningAlgorithm;
  /** Whether the algorithm is only the default: if `directory` has no key of it, a key of another algorithm signs. */
  readonly isDefaultAlgorithm?: boolean | undefined;
  /** KEY_ENCRYPTION_KEY, 32 bytes. Without it stored keys are in clear. */
  readonly encryptionKey?: Uint8Array | undefined;
  /** Refuse to keep a key in clear: for production (D6). */
  readonly requireEncryption?: boolean | undefined;
  readonly clock: Clock;
  /** How long a new key is published before it signs, in milliseconds; by default ten minutes. */
  readonly publicationMs?: number | undefined;
  /**
   * The longest life of the tokens that this process signs, by use of the key, in
   * milliseconds: noted with the key, which is retired no earlier. Absent: for a
   * process that signs none.
   */
  readonly tokenMs?: Readonly<Record<KeyUse, number>> | undefined;
}

/** The keys of this replica, in memory. */
export interface Keyring {
  /** The key that signs now. */
  signer(): SigningKey;
  /** The key of that name, if its tokens are good; the same object as long as the key is the same. */
  verificationKey(kid: string): VerificationKey | undefined;
  /** What GetJwks publishes: keys that will sign, do, and did. */
  jwks(): readonly PublicJwk[];
  refreshKeys(): RefreshKeys;
  /**
   * Reads the keys again and lets a published key sign when it is time. To be
   * called at an interval well under `publicationMs`. When it rejects, the
   * keys stay as they were.
   */
  reload(): Promise<void>;
  /**
   * The same for a key that is not known: a reload that begins after the call,
   * shared by all callers until it begins, and at most ten in a second.
   */
  reloadForUnknownKey(): Promise<void>;
}

/**
 * Loads the keys, and makes the first ones where there are none.
 *
 * Rejects with a KeyError that says what to do when a key cannot be opened or
 * read, and as the store does.
 */
export async function openKeyring(options: KeyringOptions): Promise<Keyring> {
  const { directory, clock } = options;
  const stored: StoredKeysOptions = {
    store: options.store,
    algorithm: options.algorithm,
    encryptionKey: options.encryptionKey,
    now: () => clock.now(),
    publicationMs: options.publicationMs ?? DEFAULT_PUBLICATION_MS,
    tokenMs: options.tokenMs ?? { sign: 0, refresh: 0 },
  };

  function refuseClear(use: KeyUse): void {
    if (options.requireEncryption && options.encryptionKey === undefined) {
      const file = use === "refresh" ? ", or put a refresh.key into JWT_KEYS_DIR" : "";
      throw new KeyError(
        `A key of use "${use}" would be stored in clear. Set KEY_ENCRYPTION_KEY${file} ` +
          "(make either with: openssl rand -base64 32).",
      );
    }
  }

  async function loadRefreshKeys(): Promise<RefreshKeys> {
    refuseClear("refresh");
    await ensureStoredKey(stored, "refresh");
    return loadStoredRefreshKeys(stored);
  }

  async function load(previous?: KeySet): Promise<KeySet> {
    if (directory === undefined) {
      const signing = await loadStoredSigningKeys(stored);
      return makeKeySet(signing, await loadRefreshKeys(), previous);
    }
    const files = await readKeyDirectory(directory, options.algorithm, options.isDefaultAlgorithm);
    return makeKeySet(files, files.refresh ?? (await loadRefreshKeys()), previous);
  }

  // Only at the start: replicas that differ in their algorithm must not make keys in turn.
  if (directory === undefined) {
    refuseClear("sign");
    await ensureStoredKey(stored, "sign");
  }
  let current = await load();

  // One after the other, so that a reload asked for after a change sees the change.
  let last: Promise<void> = Promise.resolve();
  const reload = (): Promise<void> => {
    const next = last.then(async () => {
      current = await load(current);
    });
    last = next.catch(() => undefined);
    return next;
  };

  return {
    signer: () => current.signer,
    verificationKey: (kid) => current.verification.get(kid),
    jwks: () => current.jwks,
    refreshKeys: () => current.refresh,
    reload,
    reloadForUnknownKey: createReloadGate({
      reload,
      clock,
      minIntervalMs: UNKNOWN_KEY_INTERVAL_MS,
    }),
  };
}
