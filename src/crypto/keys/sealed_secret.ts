import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { KeyError } from "./key_error.js";

const CLEAR = 0;
const SEALED = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * A secret as it is stored: one format byte, then the secret in clear, or
 * nonce, AES-256-GCM ciphertext and tag (NIST SP 800-38D) bound to the kid.
 */
export function sealSecret(
  kid: string,
  secret: Uint8Array,
  encryptionKey: Uint8Array | undefined,
): Buffer {
  if (encryptionKey === undefined) {
    return Buffer.concat([Buffer.of(CLEAR), secret]);
  }
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", encryptionKey, nonce).setAAD(Buffer.from(kid));
  const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()]);
  return Buffer.concat([Buffer.of(SEALED), nonce, ciphertext, cipher.getAuthTag()]);
}

/** Whether a stored secret is encrypted. */
export const isSealed = (stored: Uint8Array): boolean => stored[0] === SEALED;

/**
 * The secret that was stored.
 *
 * Throws a KeyError that names the key and the way out when it cannot be opened.
 */
export function openSecret(
  kid: string,
  stored: Uint8Array,
  encryptionKey: Uint8Array | undefined,
): Buffer {
  const bytes = Buffer.from(stored);
  if (bytes[0] === CLEAR) {
    return bytes.subarray(1);
  }
  if (!isSealed(bytes) || bytes.length <= 1 + NONCE_BYTES + TAG_BYTES) {
    throw new KeyError(`Stored key ${kid} is damaged: its secret has no known format.`);
  }
  if (encryptionKey === undefined) {
    throw new KeyError(
      `Stored key ${kid} is encrypted and KEY_ENCRYPTION_KEY is not set. ` +
        "Set it to the value it had when the key was made.",
    );
  }
  try {
    return decrypt(kid, bytes.subarray(1), encryptionKey);
  } catch (cause) {
    throw new KeyError(
      `Stored key ${kid} cannot be opened with this KEY_ENCRYPTION_KEY. ` +
        "Set it to the value it had when the key was made.",
      { cause },
    );
  }
}

function decrypt(kid: string, sealed: Buffer, encryptionKey: Uint8Array): Buffer {
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", encryptionKey, nonce, {
    authTagLength: TAG_BYTES,
  })
    .setAAD(Buffer.from(kid))
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  return Buffer.concat([
    decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)),
    decipher.final(),
  ]);
}
