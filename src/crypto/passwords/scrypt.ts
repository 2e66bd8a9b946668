import { type ScryptOptions, scrypt as scryptCallback, timingSafeEqual } from "node:crypto";
import { MIN_HASH_BYTES, type PasswordCheck } from "./password_check.js";
import { decodePhcBase64 } from "./phc_base64.js";

const ENCODED = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([^$]*)\$([^$]+)$/;
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;
const MAX_LANES = 16;

/** Reads scrypt hashes (RFC 7914) that were imported, in PHC strings as passlib writes them; see `PasswordScheme`. */
export function readScrypt(encoded: string): PasswordCheck | undefined {
  const [, ln, r, p, saltText = "", hashText = ""] = ENCODED.exec(encoded) ?? [];
  const [cost, blockSize, parallelization] = [2 ** Number(ln), Number(r), Number(p)];
  const memory = 128 * cost * blockSize;
  const [salt, hash] = [decodePhcBase64(saltText), decodePhcBase64(hashText)];
  if (salt === undefined || hash === undefined || hash.length < MIN_HASH_BYTES) {
    return undefined;
  }
  const sane =
    cost > 1 &&
    blockSize > 0 &&
    parallelization > 0 &&
    memory <= MAX_MEMORY_BYTES &&
    parallelization <= MAX_LANES;
  const options = { cost, blockSize, parallelization, maxmem: 2 * MAX_MEMORY_BYTES };
  return sane
    ? {
        current: false,
        async matches(password) {
          return timingSafeEqual(await scrypt(password, salt, hash.length, options), hash);
        },
      }
    : undefined;
}

function scrypt(
  password: string,
  salt: Buffer,
  length: number,
  options: ScryptOptions,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scryptCallback(password, salt, length, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
