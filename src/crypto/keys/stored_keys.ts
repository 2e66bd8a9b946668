import type {
  KeyAlgorithm,
  KeyStore,
  KeyUse,
  SigningAlgorithm,
  StoredKey,
} from "../../core/ports/key_store.js";
import { KeyError } from "./key_error.js";
import { keyEvent } from "./key_event.js";
import { algorithmFor, currentKey, dueTransitions } from "./key_lifecycle.js";
import type { SigningKeys } from "./key_set.js";
import type { RefreshKeys } from "./refresh_key.js";
import { isSealed, openSecret, sealSecret } from "./sealed_secret.js";
import { makeStoredKey, openRefreshKey, openSigningKey } from "./stored_key.js";

export interface StoredKeysOptions {
  readonly store: KeyStore;
  /** The algorithm of access tokens from now on. */
  readonly algorithm: SigningAlgorithm;
  /** 32 bytes; without it keys are stored in clear. */
  readonly encryptionKey: Uint8Array | undefined;
  /** Milliseconds since the epoch, the same on all replicas. */
  readonly now: () => number;
  /** How long a key is published before it signs, in milliseconds. */
  readonly publicationMs: number;
  /** The longest life of the tokens that this replica signs, by use of the key, in milliseconds. */
  readonly tokenMs: Readonly<Record<KeyUse, number>>;
}

/** Ensures that a key of this use and of the current algorithm exists, also when several replicas start at once. */
export async function ensureStoredKey(options: StoredKeysOptions, use: KeyUse): Promise<void> {
  const { store, encryptionKey, now } = options;
  const algorithm = algorithmFor(use, options.algorithm);
  const keys = await keysOf(store, use);
  const ready = keys.some(
    (key) => key.algorithm === algorithm && (key.state === "next" || key.state === "active"),
  );
  if (ready) {
    return;
  }
  // When another key signs already, the other replicas have to learn of this one first.
  const state = currentKey(keys, algorithm) === undefined ? "active" : "next";
  const key = await makeStoredKey({ algorithm, state, encryptionKey, now: now() });
  await store.insertIfNone(key, keyEvent(key.kid, use, "create", key.createdAt));
}

/** Loads the signing keys in use, after making the due changes. */
export async function loadStoredSigningKeys(options: StoredKeysOptions): Promise<SigningKeys> {
  const { keys, current } = await loadStored(options, "sign");
  const opened = await Promise.all(keys.map((key) => openSigningKey(key, options.encryptionKey)));
  const signer = opened.find(({ kid }) => kid === current.kid);
  if (signer === undefined) {
    throw new KeyError(`Stored key ${current.kid} signs but was not loaded.`);
  }
  return { signer, accepted: opened };
}

/** Loads the refresh keys in use, after making the due changes. */
export async function loadStoredRefreshKeys(options: StoredKeysOptions): Promise<RefreshKeys> {
  const { keys, current } = await loadStored(options, "refresh");
  return {
    current: openRefreshKey(current, options.encryptionKey),
    all: keys.map((key) => openRefreshKey(key, options.encryptionKey)),
  };
}

async function loadStored(
  options: StoredKeysOptions,
  use: KeyUse,
): Promise<{ keys: StoredKey[]; current: StoredKey }> {
  const algorithm = algorithmFor(use, options.algorithm);
  const keys = await settleStoredKeys(options, use, algorithm);
  const current = currentKey(keys, algorithm);
  if (current === undefined) {
    throw new KeyError(
      `There is no active key of use "${use}" in the store. Restart a server to have one made.`,
    );
  }
  await sealClearKeys(options, keys);
  // Before the key signs: it is retired by the longest life that was noted.
  const tokenMs = options.tokenMs[use];
  if ((current.tokenMs ?? 0) < tokenMs) await options.store.noteTokenLife(current.kid, tokenMs);
  return { keys, current };
}

async function settleStoredKeys(
  { store, now, publicationMs }: StoredKeysOptions,
  use: KeyUse,
  algorithm: KeyAlgorithm,
): Promise<StoredKey[]> {
  const at = now();
  const keys = await keysOf(store, use);
  const due = dueTransitions(keys, algorithm, at - publicationMs);
  const toActive = due.find(({ to }) => to === "active");
  // A key that signs and those that it replaces change together; each other change is one of its own.
  const together = toActive ? due.filter(({ to }) => to !== "retired") : [];
  const alone = due.filter((transition) => !together.includes(transition));
  if (toActive !== undefined) {
    const moves = together.map((transition) => ({ ...transition, at }));
    await store.change({ moves, event: keyEvent(toActive.kid, use, "activate", at) });
  }
  for (const { kid, to } of alone) {
    await store.change({ moves: [{ kid, to, at }], event: keyEvent(kid, use, "retire", at) });
  }
  return due.length === 0 ? keys : keysOf(store, use);
}

/** Keys stored before KEY_ENCRYPTION_KEY was set do not stay in clear (D6). */
async function sealClearKeys(
  { store, encryptionKey }: StoredKeysOptions,
  keys: readonly StoredKey[],
): Promise<void> {
  if (encryptionKey === undefined) {
    return;
  }
  for (const { kid, secret } of keys.filter((key) => !isSealed(key.secret))) {
    const clear = openSecret(kid, secret, undefined);
    await store.replaceSecret(kid, sealSecret(kid, clear, encryptionKey));
  }
}

async function keysOf(store: KeyStore, use: KeyUse): Promise<StoredKey[]> {
  return (await store.list()).filter((key) => key.use === use && key.state !== "retired");
}
