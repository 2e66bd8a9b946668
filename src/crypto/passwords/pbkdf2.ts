import { pbkdf2 as pbkdf2Callback, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { decodeHex } from "./hex.js";
import { MIN_HASH_BYTES, type PasswordCheck } from "./password_check.js";
import { decodePhcBase64 } from "./phc_base64.js";

const pbkdf2 = promisify(pbkdf2Callback);

// $pbkdf2-sha256$i=600000$salt$hash (PHC) or $pbkdf2-sha256$29000$salt$hash (passlib)
const PHC = /^\$pbkdf2-(sha1|sha256|sha512)\$(?:i=)?(\d{1,8})(?:,l=(\d{1,3}))?\$([^$]+)\$([^$]+)$/;
// pbkdf2_sha256$600000$salt$hash, where the salt is text
const DJANGO = /^pbkdf2_(sha1|sha256)\$(\d{1,8})\$([^$]+)\$([^$]+)$/;
// pbkdf2:sha256:600000$salt$hash (Werkzeug), where the salt is text and the hash hexadecimal
const WERKZEUG = /^pbkdf2:(sha1|sha256|sha512):(\d{1,8})\$([^$]+)\$([^$]+)$/;
const MAX_ITERATIONS = 10_000_000;

interface Parameters {
  readonly digest: string;
  readonly iterations: number;
  readonly salt: Buffer | undefined;
  readonly hash: Buffer | undefined;
}

/** Reads PBKDF2 hashes (RFC 8018 §5.2) that were imported: PHC, passlib, Django and Werkzeug; see `PasswordScheme`. */
export function readPbkdf2(encoded: string): PasswordCheck | undefined {
  const { digest, iterations, salt, hash } =
    readPhc(encoded) ?? readDjango(encoded) ?? readWerkzeug(encoded) ?? NONE;
  if (salt === undefined || hash === undefined || hash.length < MIN_HASH_BYTES) {
    return undefined;
  }
  if (iterations < 1 || iterations > MAX_ITERATIONS) {
    return undefined;
  }
  return {
    current: false,
    async matches(password) {
      return timingSafeEqual(await pbkdf2(password, salt, iterations, hash.length, digest), hash);
    },
  };
}

const NONE: Parameters = { digest: "", iterations: 0, salt: undefined, hash: undefined };

function readPhc(encoded: string): Parameters | undefined {
  const [, digest = "", iterations, length, salt = "", hash = ""] = PHC.exec(encoded) ?? [];
  const decoded = decodePhcBase64(hash);
  if (iterations === undefined || (length !== undefined && Number(length) !== decoded?.length)) {
    return undefined;
  }
  return { digest, iterations: Number(iterations), salt: decodePhcBase64(salt), hash: decoded };
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
    : { digest, iterations: Number(iterations), salt: Buffer.from(salt), hash: decodeHash(hash) };
}
