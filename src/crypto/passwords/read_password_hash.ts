import { type Argon2Cost, DEFAULT_ARGON2_COST, readArgon2 } from "./argon2.js";
import { readBcrypt } from "./bcrypt.js";
import type { PasswordCheck } from "./password_check.js";
import { readPbkdf2 } from "./pbkdf2.js";
import { readScrypt } from "./scrypt.js";

/** Reads a hash of any known scheme; undefined when it is malformed or of another scheme. */
export const readPasswordHash = (
  encoded: string,
  wanted: Argon2Cost = DEFAULT_ARGON2_COST,
): PasswordCheck | undefined =>
  readArgon2(encoded, wanted) ?? readBcrypt(encoded) ?? readPbkdf2(encoded) ?? readScrypt(encoded);
