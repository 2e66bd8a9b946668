import type { Settings } from "../config/settings.js";
import type { Clock } from "../core/ports/clock.js";
import type { KeyStore } from "../core/ports/key_store.js";
import { createKeyRotation, type KeyRotation } from "../crypto/key_rotation.js";
import { type Keyring, openKeyring } from "../crypto/keyring.js";

export const openKeys = (settings: Settings, store: KeyStore, clock: Clock): Promise<Keyring> =>
  openKeyring({
    store,
    directory: settings.jwtKeysDir,
    algorithm: settings.jwtAlgorithm,
    encryptionKey: settings.keyEncryptionKey,
    requireEncryption: settings.production,
    clock,
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
  });
