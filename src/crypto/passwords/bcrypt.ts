import { verify } from "@node-rs/bcrypt";
import type { PasswordCheck } from "./password_check.js";

const ENCODED = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const MIN_COST = 4;
const MAX_COST = 16;

/**
 * Reads bcrypt hashes ($2a$, $2b$, $2y$) that were imported; see
 * `PasswordScheme`. bcrypt looks at the first 72 bytes of a password only, so
 * until the rehash at the first login, longer passwords that agree in them match.
 */
export function readBcrypt(encoded: string): PasswordCheck | undefined {
  const cost = Number(ENCODED.exec(encoded)?.[1]);
  return cost >= MIN_COST && cost <= MAX_COST
    ? { current: false, matches: (password) => verify(password, encoded) }
    : undefined;
}
