import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import { decodeCanonicalBase64url } from "../access_token/canonical_base64url.js";
import { unavailable } from "../core/errors.js";
import type { RefreshTokenCodec, RefreshTokenContent } from "../core/ports/refresh_token_codec.js";
import type { Keyring } from "./keyring.js";
import { bytesToUuid, uuidToBytes } from "./uuid_bytes.js";

const PREFIX = "cfr_";
const VERSION = 1;

// version ‖ key tag ‖ session id ‖ generation ‖ HMAC-SHA256 of all before it
const TAG_AT = 1;
const SESSION_AT = 5;
const GENERATION_AT = 21;
const HMAC_AT = 25;
const TOKEN_BYTES = HMAC_AT + 32;
const TOKEN_LENGTH = PREFIX.length + (TOKEN_BYTES / 3) * 4;
const MAX_GENERATION = 2 ** 32 - 1;

/** Refresh tokens of 80 characters that carry their session and generation under an HMAC. */
export function createRefreshTokenCodec(
  keys: Pick<Keyring, "refreshKeys" | "reloadForUnknownKey">,
): RefreshTokenCodec {
  const keyOf = (keyTag: string) => keys.refreshKeys().all.find(({ tag }) => tag === keyTag)?.key;

  /** Another replica may have just created the key. An unknown key must not log a user out. */
  async function loadKey(keyTag: string): Promise<KeyObject | undefined> {
    await keys.reloadForUnknownKey().catch((cause: unknown) => {
      throw unavailable(cause);
    });
    return keyOf(keyTag);
  }

  return {
    mint({ sessionId, generation, keyTag }) {
      const session = uuidToBytes(sessionId);
      if (session === undefined) {
        throw new RangeError("a session id in a refresh token is a UUID in lower case");
      }
      if (!Number.isInteger(generation) || generation < 0 || generation > MAX_GENERATION) {
        throw new RangeError(`a generation is a whole number from 0 to ${MAX_GENERATION}`);
      }
      const { current, all } = keys.refreshKeys();
      const { tag, key } = all.find((candidate) => candidate.tag === keyTag) ?? current;
      const content = Buffer.alloc(HMAC_AT);
      content.writeUInt8(VERSION);
      content.write(tag, TAG_AT, "hex");
      session.copy(content, SESSION_AT);
      content.writeUInt32BE(generation, GENERATION_AT);
      return PREFIX + Buffer.concat([content, hmac(key, content)]).toString("base64url");
    },
    parse(token) {
      if (token.length !== TOKEN_LENGTH || !token.startsWith(PREFIX)) {
        return undefined;
      }
      const bytes = decodeCanonicalBase64url(token.slice(PREFIX.length));
      if (bytes?.[0] !== VERSION) {
        return undefined;
      }
      const keyTag = bytes.toString("hex", TAG_AT, SESSION_AT);
      const key = keyOf(keyTag);
      return key === undefined
        ? loadKey(keyTag).then((loaded) => loaded && contentOf(bytes, keyTag, loaded))
        : contentOf(bytes, keyTag, key);
    },
  };
}

function contentOf(
  bytes: Buffer,
  keyTag: string,
  key: KeyObject,
): Required<RefreshTokenContent> | undefined {
  const content = bytes.subarray(0, HMAC_AT);
  if (!timingSafeEqual(hmac(key, content), bytes.subarray(HMAC_AT))) {
    return undefined;
  }
  return {
    sessionId: bytesToUuid(bytes.subarray(SESSION_AT, GENERATION_AT)),
    generation: bytes.readUInt32BE(GENERATION_AT),
    keyTag,
  };
}

const hmac = (key: KeyObject, content: Buffer): Buffer =>
  createHmac("sha256", key).update(content).digest();
