import { createHash, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { decodeCanonicalBase64url } from "../access_token/canonical_base64url.js";
import { bytesToUuid, uuidToBytes } from "./uuid_bytes.js";

const PREFIX = "cfs_";
const ID_BYTES = 16;
const SECRET_BYTES = 32;
const KEY_LENGTH = PREFIX.length + ((ID_BYTES + SECRET_BYTES) / 3) * 4;

/** The claims that a service key makes about itself. */
export interface ServiceKeyClaim {
  /** UUID in lower case, by which the key is found, listed and revoked. */
  readonly id: string;
  /** SHA-256 of the whole text in hex. Only this hash is stored, and it is no credential. */
  readonly hash: string;
}

/** A service key at the only moment its text is known. */
export interface MintedServiceKey extends ServiceKeyClaim {
  /** `cfs_`, then id and 256 random bits in base64url: 68 characters. */
  readonly text: string;
}

/**
 * Makes a service key.
 *
 * Throws a RangeError when `id` is not a UUID in lower case.
 */
export function mintServiceKey(id: string = randomUUID()): MintedServiceKey {
  const idBytes = uuidToBytes(id);
  if (idBytes === undefined) {
    throw new RangeError("the id of a service key is a UUID in lower case");
  }
  const text = PREFIX + Buffer.concat([idBytes, randomBytes(SECRET_BYTES)]).toString("base64url");
  return { id, text, hash: sha256(text) };
}

/** Reads the text of a service key; undefined for anything that is not one. Proves nothing yet. */
export function parseServiceKey(text: string): ServiceKeyClaim | undefined {
  if (text.length !== KEY_LENGTH || !text.startsWith(PREFIX)) {
    return undefined;
  }
  const bytes = decodeCanonicalBase64url(text.slice(PREFIX.length));
  return bytes && { id: bytesToUuid(bytes.subarray(0, ID_BYTES)), hash: sha256(text) };
}

/** Whether a key presented is the key stored, in a time that does not tell how near it came. */
export function isServiceKeyHash(presented: string, stored: string): boolean {
  const [a, b] = [Buffer.from(presented, "hex"), Buffer.from(stored, "hex")];
  return a.length === b.length && a.length > 0 && timingSafeEqual(a, b);
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
