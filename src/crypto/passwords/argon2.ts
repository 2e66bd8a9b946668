import { randomBytes } from "node:crypto";
import { hash, parseOptions, verify } from "@node-rs/argon2";
import { workOf } from "./check_work.js";
import { MIN_HASH_BYTES, type PasswordCheck } from "./password_check.js";

/** The work of one hash (RFC 9106 §3.1). */
export interface Argon2Cost {
  /** KiB of memory. */
  readonly memoryCost: number;
  /** Passes over it. */
  readonly timeCost: number;
  /** Lanes. */
  readonly parallelism: number;
}

/** OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane. */
export const DEFAULT_ARGON2_COST: Argon2Cost = { memoryCost: 19456, timeCost: 2, parallelism: 1 };

const ARGON2ID = 2;
const VERSION_0X13 = 1;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** A hash with a secret key or associated data (RFC 9106 §3.1) cannot be checked: neither is known here. */
const NEEDS_MORE = /[$,](?:keyid|data)=/;

/** An argon2id hash as a PHC string. */
export const hashArgon2 = (password: string, cost: Argon2Cost): Promise<string> =>
  hash(password, { ...cost, algorithm: ARGON2ID, outputLen: HASH_BYTES });

/** A hash of no password: checking against it takes the usual time and fails. */
export function makeDummyArgon2({ memoryCost, timeCost, parallelism }: Argon2Cost): string {
  const part = (bytes: number) => randomBytes(bytes).toString("base64").replaceAll("=", "");
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${part(SALT_BYTES)}$${part(HASH_BYTES)}`;
}

/** Both count as one thread's work: the lanes of a hash run at once only where processors are idle. */
const workOfCost = ({ memoryCost, timeCost }: Argon2Cost) =>
  workOf("argon2", memoryCost * timeCost, memoryCost * 1024);

/** A check that no password passes, at the price of a real one. */
export function createDummyCheck(cost: Argon2Cost): PasswordCheck {
  const encoded = makeDummyArgon2(cost);
  return {
    current: true,
    work: workOfCost(cost),
    matches: (password) => verify(encoded, password),
  };
}

/**
 * Reads argon2id, argon2i and argon2d in PHC strings, of version 1.3 and 1.0 (also without a
 * version, as before 1.3), and after Django's `argon2`; see `PasswordScheme`.
 */
export function readArgon2(text: string, wanted: Argon2Cost): PasswordCheck | undefined {
  const encoded = text.replace(/^argon2(?=\$)/, "");
  if (!encoded.startsWith("$argon2") || NEEDS_MORE.test(encoded)) {
    return undefined;
  }
  try {
    const used = parseOptions(encoded);
    const current =
      used.algorithm === ARGON2ID &&
      used.version === VERSION_0X13 &&
      used.memoryCost >= wanted.memoryCost &&
      used.timeCost >= wanted.timeCost &&
      used.outputLen >= HASH_BYTES &&
      used.saltLen >= SALT_BYTES;
    return used.outputLen < MIN_HASH_BYTES
      ? undefined
      : { current, work: workOfCost(used), matches: (password) => verify(encoded, password) };
  } catch {
    return undefined;
  }
}
