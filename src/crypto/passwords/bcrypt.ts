import { createHash, createHmac } from "node:crypto";
import { verify } from "@node-rs/bcrypt";
import { workOf } from "./check_work.js";
import type { PasswordCheck } from "./password_check.js";

// As it is, or after Django's name of the hasher: bcrypt$$2b$…, bcrypt_sha256$$2b$…
const PLAIN = /^(bcrypt\$|bcrypt_sha256\$)?(\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53})$/;
// passlib: $bcrypt-sha256$v=2,t=2b,r=12$salt$hash, and before version 2 $bcrypt-sha256$2b,12$salt$hash
const PASSLIB =
  /^\$bcrypt-sha256\$(v=2,t=)?(2[ab]),(?:r=)?(\d{1,2})\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})$/;
const MIN_COST = 4;
const MAX_COST = 31;

/** What bcrypt is given in place of the password. */
type Prepare = (password: string) => string;

/**
 * Reads bcrypt hashes ($2a$, $2b$, $2y$, Django's two, and passlib's bcrypt-sha256) that were
 * imported; see `PasswordScheme`. bcrypt looks at the first 72 bytes of a password only, so until
 * the rehash at the first login, longer passwords that agree in them match; the forms with SHA-256
 * hash the password before.
 */
export function readBcrypt(encoded: string): PasswordCheck | undefined {
  return readPlain(encoded) ?? readPasslib(encoded);
}

function readPlain(encoded: string): PasswordCheck | undefined {
  const [, hasher, hash = "", cost] = PLAIN.exec(encoded) ?? [];
  return createCheck(Number(cost), hash, hasher === "bcrypt_sha256$" ? sha256Hex : unchanged);
}

function readPasslib(encoded: string): PasswordCheck | undefined {
  const [, version, ident, cost, salt = "", hash] = PASSLIB.exec(encoded) ?? [];
  const prepare: Prepare =
    version === undefined
      ? (password) => createHash("sha256").update(password).digest("base64")
      : (password) => createHmac("sha256", salt).update(password).digest("base64");
  return createCheck(Number(cost), `$${ident}$${cost?.padStart(2, "0")}$${salt}${hash}`, prepare);
}

function createCheck(cost: number, hash: string, prepare: Prepare): PasswordCheck | undefined {
  return cost >= MIN_COST && cost <= MAX_COST
    ? {
        current: false,
        work: workOf("bcrypt", 2 ** cost),
        matches: (password) => verify(prepare(password), hash),
      }
    : undefined;
}

const unchanged: Prepare = (password) => password;
const sha256Hex: Prepare = (password) => createHash("sha256").update(password).digest("hex");
