import { createHash } from "node:crypto";
import { verify } from "@node-rs/bcrypt";
import type { PasswordCheck } from "./password_check.js";

// As it is, or after Django's name of the hasher: bcrypt$$2b$…, bcrypt_sha256$$2b$…
const ENCODED = /^(bcrypt\$|bcrypt_sha256\$)?(\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53})$/;
const MIN_COST = 4;
const MAX_COST = 16;

/**
 * Reads bcrypt hashes ($2a$, $2b$, $2y$, and Django's two) that were imported;
 * see `PasswordScheme`. bcrypt looks at the first 72 bytes of a password only,
 * so until the rehash at the first login, longer passwords that agree in them
 * match; Django's bcrypt_sha256 hashes before.
 */
export function readBcrypt(encoded: string): PasswordCheck | undefined {
  const [, hasher, hash = "", digits] = ENCODED.exec(encoded) ?? [];
  const cost = Number(digits);
  const prepare = hasher === "bcrypt_sha256$" ? sha256Hex : (password: string) => password;
  return cost >= MIN_COST && cost <= MAX_COST
    ? { current: false, matches: (password) => verify(prepare(password), hash) }
    : undefined;
}

const sha256Hex = (text: string): string => createHash("sha256").update(text).digest("hex");
