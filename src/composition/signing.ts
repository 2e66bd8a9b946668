import type { Settings } from "../config/settings.js";
import type { Clock } from "../core/ports/clock.js";
import type { KeyStore } from "../core/ports/key_store.js";
import { createKeyRotation, type KeyRotation } from "../crypto/key_rotation.js";
import { type Keyring, openKeyring } from "../crypto/keyring.js";

/**
 * All replicas need some time to notice a new key, so the keys are read several times within the time of publication.
 */
const RELOADS_WHILE_PUBLISHED = 5;
const LONGEST_RELOAD_INTERVAL_MS = 30_000;

/** How often a replica reads the keys again, in milliseconds. */
export const keyReloadMs = ({ keyPublicationMs }: Settings): number =>
  Math.max(20, Math.min(LONGEST_RELOAD_INTERVAL_MS, keyPublicationMs / RELOADS_WHILE_PUBLISHED));

export const openKeys = (settings: Settings, store: KeyStore, clock: Clock): Promise<Keyring> =>
  openKeyring({
    store,
    directory: settings.jwtKeysDir,
    algorithm: settings.jwtAlgorithm,
    isDefaultAlgorithm: !settings.jwtAlgorithmIsGiven,
    encryptionKey: settings.keyEncryptionKey,
    requireEncryption: settings.production,
    clock,
    publicationMs: settings.keyPublicationMs,
    tokenMs: { sign: settings.accessTokenLifetimeMs, refresh: settings.maxLifetimeMs },
  });

export const keyRotation = (
  settings: Settings,
  store: KeyStore,
  clock: Pick<Clock, "now">,
): KeyRotation =>
  createKeyRotation({
    store,
    directory: settings.jwtKeysDir,
    algorithm: settings.jwtAlgorithm,
    encryptionKey: settings.keyEncryptionKey,
    clock,
    accessTokenMs: settings.accessTokenLifetimeMs,
    sessionMs: settings.maxLifetimeMs,
    publicationMs: settings.keyPublicationMs,
  });
