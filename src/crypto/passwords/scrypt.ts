import { type ScryptOptions, scrypt as scryptCallback, timingSafeEqual } from "node:crypto";
import { MAX_CHECK_MEMORY_BYTES, workOf } from "./check_work.js";
import { decodeHex } from "./hex.js";
import { MIN_HASH_BYTES, type PasswordCheck } from "./password_check.js";
import { decodePhcBase64 } from "./phc_base64.js";
import { readCryptScrypt } from "./scrypt_crypt.js";
import type { ScryptHash } from "./scrypt_hash.js";

// $scrypt$ln=16,r=8,p=1$salt$hash (PHC, passlib)
const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([^$]*)\$([^$]+)$/;
// scrypt$16384$salt$8$1$hash (Django), where the salt is text
const DJANGO = /^scrypt\$(\d{1,15})\$([^$]+)\$(\d{1,3})\$(\d{1,3})\$([^$]+)$/;
// scrypt:32768:8:1$salt$hash (Werkzeug), where the salt is text and the hash hexadecimal
const WERKZEUG = /^scrypt:(\d{1,15}):(\d{1,3}):(\d{1,3})\$([^$]+)\$([^$]+)$/;
/** Above the memory of any check that is made; OpenSSL wants a bound, and counts its overhead too. */
const OPENSSL_MEMORY_BYTES = 2 * MAX_CHECK_MEMORY_BYTES;
/** Parallelization × block size (RFC 7914 §2). */
const MAX_LANES = 2 ** 30;

/**
 * Reads scrypt hashes (RFC 7914) that were imported: PHC, Django, Werkzeug, and
 * the `$7$` of crypt(5), which libsodium writes; see `PasswordScheme`.
 */
export function readScrypt(encoded: string): PasswordCheck | undefined {
  const read =
    readPhc(encoded) ?? readDjango(encoded) ?? readWerkzeug(encoded) ?? readCryptScrypt(encoded);
  if (read === undefined || !isSane(read)) {
    return undefined;
  }
  const { cost, blockSize, parallelization, salt, hash } = read;
  const options = { cost, blockSize, parallelization, maxmem: OPENSSL_MEMORY_BYTES };
  return {
    current: false,
    work: workOf(
      "scrypt",
      cost * blockSize * parallelization,
      128 * blockSize * (cost + parallelization),
    ),
    async matches(password) {
      return timingSafeEqual(await scrypt(password, salt, hash.length, options), hash);
    },
  };
}

/** Whether the parameters are what RFC 7914 §2 allows: others cannot be checked at any price. */
function isSane({ cost, blockSize, parallelization, hash }: ScryptHash): boolean {
  return (
    hash.length >= MIN_HASH_BYTES &&
    Number.isInteger(Math.log2(cost)) &&
    cost > 1 &&
    blockSize > 0 &&
    parallelization > 0 &&
    // RFC 7914 §2: N is below 2^(128 r / 8).
    Math.log2(cost) < 16 * blockSize &&
    parallelization * blockSize < MAX_LANES
  );
}

function readPhc(encoded: string): ScryptHash | undefined {
  const [, ln, r, p, salt = "", hash = ""] = PHC.exec(encoded) ?? [];
  return assemble(2 ** Number(ln), r, p, decodePhcBase64(salt), decodePhcBase64(hash));
}

function readDjango(encoded: string): ScryptHash | undefined {
  const [, cost, salt = "", r, p, hash = ""] = DJANGO.exec(encoded) ?? [];
  return assemble(Number(cost), r, p, Buffer.from(salt), decodePhcBase64(hash));
}

function readWerkzeug(encoded: string): ScryptHash | undefined {
  const [, cost, r, p, salt = "", hash = ""] = WERKZEUG.exec(encoded) ?? [];
  return assemble(Number(cost), r, p, Buffer.from(salt), decodeHex(hash));
}

function assemble(
  cost: number,
  blockSize: string | undefined,
  parallelization: string | undefined,
  salt: Buffer | undefined,
  hash: Buffer | undefined,
): ScryptHash | undefined {
  return blockSize === undefined || salt === undefined || hash === undefined
    ? undefined
    : {
        cost,
        blockSize: Number(blockSize),
        parallelization: Number(parallelization),
        salt,
        hash,
      };
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
