import { pbkdf2 as pbkdf2Callback, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { workOf } from "./check_work.js";
import { decodeHex } from "./hex.js";
import { MIN_HASH_BYTES, type PasswordCheck } from "./password_check.js";
import { decodePhcBase64 } from "./phc_base64.js";

const pbkdf2 = promisify(pbkdf2Callback);

// $pbkdf2-sha256$i=600000$salt$hash (PHC), $pbkdf2-sha256$29000$salt$hash (passlib), and passlib's
// $pbkdf2$131000$salt$hash, which is SHA-1
const PHC =
  /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=)?(\d{1,12})(?:,l=(\d{1,3}))?\$([^$]*)\$([^$]+)$/;
// pbkdf2_sha256$600000$salt$hash, where the salt is text
const DJANGO = /^pbkdf2_(sha1|sha256)\$(\d{1,12})\$([^$]+)\$([^$]+)$/;
// pbkdf2:sha256:600000$salt$hash (Werkzeug), where the salt is text and the hash hexadecimal
const WERKZEUG = /^pbkdf2:(sha1|sha256|sha512):(\d{1,12})\$([^$]+)\$([^$]+)$/;

type Digest = "sha1" | "sha256" | "sha512";
const DIGEST_BYTES: Readonly<Record<Digest, number>> = { sha1: 20, sha256: 32, sha512: 64 };

interface Parameters {
  readonly digest: Digest;
  readonly iterations: number;
  readonly salt: Buffer | undefined;
  readonly hash: Buffer | undefined;
}

/** Reads PBKDF2 hashes (RFC 8018 §5.2) that were imported: PHC, passlib, Django and Werkzeug; see `PasswordScheme`. */
export function readPbkdf2(encoded: string): PasswordCheck | undefined {
  const read = readPhc(encoded) ?? readDjango(encoded) ?? readWerkzeug(encoded);
  if (read?.salt === undefined || read.hash === undefined) {
    return undefined;
  }
  const { digest, iterations, salt, hash } = read;
  if (hash.length < MIN_HASH_BYTES || iterations < 1) {
    return undefined;
  }
  const blocks = Math.ceil(hash.length / DIGEST_BYTES[digest]);
  return {
    current: false,
    work: workOf(`pbkdf2-${digest}`, iterations * blocks),
    async matches(password) {
      return timingSafeEqual(await pbkdf2(password, salt, iterations, hash.length, digest), hash);
    },
  };
}

function readPhc(encoded: string): Parameters | undefined {
  const [, digest = "sha1", iterations, length, salt = "", hash = ""] = PHC.exec(encoded) ?? [];
  const decoded = decodePhcBase64(hash);
  if (iterations === undefined || (length !== undefined && Number(length) !== decoded?.length)) {
    return undefined;
  }
  return {
    digest: digest as Digest,
    iterations: Number(iterations),
    salt: decodePhcBase64(salt),
    hash: decoded,
  };
}

function readDjango(encoded: string): Parameters | undefined {
  return withTextSalt(DJANGO.exec(encoded), decodePhcBase64);
}

function readWerkzeug(encoded: string): Parameters | undefined {
  return withTextSalt(WERKZEUG.exec(encoded), decodeHex);
}

function withTextSalt(
  match: RegExpExecArray | null,
  decodeHash: (text: string) => Buffer | undefined,
): Parameters | undefined {
  const [, digest = "", iterations, salt = "", hash = ""] = match ?? [];
  return iterations === undefined
    ? undefined
    : {
        digest: digest as Digest,
        iterations: Number(iterations),
        salt: Buffer.from(salt),
        hash: decodeHash(hash),
      };
}
