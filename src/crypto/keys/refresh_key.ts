import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { KeyError } from "./key_error.js";

/** An HMAC-SHA256 key for refresh tokens. */
export interface RefreshKey {
  readonly kid: string;
  /** Eight hex digits by which a token names its key. The tag is derived from the key and reveals nothing about it. */
  readonly tag: string;
  readonly key: KeyObject;
}

/** The keys for refresh tokens: new tokens take the current one, all are accepted. */
export interface RefreshKeys {
  readonly current: RefreshKey;
  readonly all: readonly RefreshKey[];
}

export const REFRESH_KEY_BYTES = 32;

/**
 * Loads a raw key. Without a `kid` it is named after its tag.
 *
 * Throws a KeyError for a key of fewer than 32 bytes (RFC 2104 §3).
 */
export function toRefreshKey(secret: Uint8Array, kid?: string): RefreshKey {
  if (secret.length < REFRESH_KEY_BYTES) {
    throw new KeyError(
      `Refresh key ${kid ?? ""} has ${secret.length} bytes; it must have at least ${REFRESH_KEY_BYTES}.`,
    );
  }
  const key = createSecretKey(secret);
  const tag = createHmac("sha256", key).update("curfew refresh key tag").digest("hex").slice(0, 8);
  return { kid: kid ?? `refresh-${tag}`, tag, key };
}
