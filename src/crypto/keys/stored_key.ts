import {
  createPrivateKey,
  generateKeyPair as generateKeyPairCallback,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { promisify } from "node:util";
import type {
  KeyAlgorithm,
  KeyState,
  SigningAlgorithm,
  StoredKey,
} from "../../core/ports/key_store.js";
import { KeyError } from "./key_error.js";
import { REFRESH_KEY_BYTES, type RefreshKey, toRefreshKey } from "./refresh_key.js";
import { openSecret, sealSecret } from "./sealed_secret.js";
import {
  algorithmOf,
  type SigningKey,
  thumbprintOf,
  toSigningKey,
  toVerificationKey,
} from "./signing_key.js";

const generateKeyPair = promisify(generateKeyPairCallback);

export interface NewKey {
  readonly algorithm: KeyAlgorithm;
  readonly state: Extract<KeyState, "next" | "active">;
  readonly encryptionKey: Uint8Array | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Makes a key, ready to be stored. */
export async function makeStoredKey({
  algorithm,
  state,
  encryptionKey,
  now,
}: NewKey): Promise<StoredKey> {
  const dates = { createdAt: now, ...(state === "active" ? { activatedAt: now } : {}) };
  if (algorithm === "HS256") {
    const raw = randomBytes(REFRESH_KEY_BYTES);
    const { kid } = toRefreshKey(raw);
    const secret = sealSecret(kid, raw, encryptionKey);
    return { kid, use: "refresh", algorithm, state, secret, ...dates };
  }
  const privateKey = await generatePrivateKey(algorithm);
  const kid = await thumbprintOf(privateKey);
  const { publicJwk } = await toVerificationKey(kid, privateKey);
  const jwk = Buffer.from(JSON.stringify(privateKey.export({ format: "jwk" })));
  const secret = sealSecret(kid, jwk, encryptionKey);
  return { kid, use: "sign", algorithm, state, publicJwk: { ...publicJwk }, secret, ...dates };
}

/**
 * Opens a stored signing key.
 *
 * Throws a KeyError that names the key when it cannot be opened or is another than it is said to be.
 */
export async function openSigningKey(
  stored: StoredKey,
  encryptionKey: Uint8Array | undefined,
): Promise<SigningKey> {
  const { kid, algorithm } = stored;
  const secret = openSecret(kid, stored.secret, encryptionKey);
  const key = readPrivateJwk(kid, secret);
  if (algorithmOf(key, `Stored key ${kid}`) !== algorithm) {
    throw new KeyError(`Stored key ${kid} is damaged: it is not a key for ${algorithm}.`);
  }
  return toSigningKey(kid, key);
}

/** Opens a stored refresh key; throws as `openSigningKey` does. */
export function openRefreshKey(
  stored: StoredKey,
  encryptionKey: Uint8Array | undefined,
): RefreshKey {
  return toRefreshKey(openSecret(stored.kid, stored.secret, encryptionKey), stored.kid);
}

function readPrivateJwk(kid: string, secret: Buffer): KeyObject {
  try {
    const jwk = JSON.parse(secret.toString()) as JsonWebKey;
    return createPrivateKey({ key: jwk, format: "jwk" });
  } catch {
    // The cause may quote the secret.
    throw new KeyError(`Stored key ${kid} is damaged: its secret is not a private JWK.`);
  }
}

async function generatePrivateKey(algorithm: SigningAlgorithm): Promise<KeyObject> {
  switch (algorithm) {
    case "EdDSA":
      return (await generateKeyPair("ed25519")).privateKey;
    case "ES256":
      return (await generateKeyPair("ec", { namedCurve: "P-256" })).privateKey;
    case "RS256":
      return (await generateKeyPair("rsa", { modulusLength: 2048 })).privateKey;
  }
}
