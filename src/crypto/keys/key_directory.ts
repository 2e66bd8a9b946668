import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, parse } from "node:path";
import { decodeCanonicalBase64url } from "../../access_token/canonical_base64url.js";
import { strippedLine } from "../../core/caller/header_text.js";
import type { SigningAlgorithm } from "../../core/ports/key_store.js";
import { KeyError } from "./key_error.js";
import { isSameKey, type SigningKeys } from "./key_set.js";
import { type RefreshKeys, toRefreshKey } from "./refresh_key.js";
import {
  type SigningKey,
  toSigningKey,
  toVerificationKey,
  type VerificationKey,
} from "./signing_key.js";

const ACTIVE = "active";
const CURRENT_REFRESH = "refresh.key";
const REFRESH = /^refresh(?:-.+)?\.key$/;

/** The keys that a directory holds. */
export interface DirectoryKeys extends SigningKeys {
  /** Undefined without a `refresh.key`. */
  readonly refresh: RefreshKeys | undefined;
}

interface KeyFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Reads JWT_KEYS_DIR: private keys in PEM (PKCS#8) or JWK, one a file, named
 * by its kid. The file `active` names the one that signs; without it that is
 * the last by name of the configured algorithm. If that algorithm is only the
 * default, the named key may be of another one, and where no key is of the
 * default one the last by name of any signs. Public keys are accepted for
 * checking. `refresh.key` holds the key for refresh tokens in base64 or hex,
 * `refresh-*.key` earlier ones. Names that start with a dot are left out.
 *
 * Throws a KeyError that names the file and the problem.
 */
export async function readKeyDirectory(
  directory: string,
  algorithm: SigningAlgorithm,
  isDefaultAlgorithm = false,
): Promise<DirectoryKeys> {
  const files = await readFiles(directory);
  const keyFiles = files.filter(({ name }) => name !== ACTIVE && !REFRESH.test(name));
  const accepted = await Promise.all(keyFiles.map(readKey));
  const active = files.find(({ name }) => name === ACTIVE);
  const chosen = active && strippedLine(active.text);
  const unique = withoutTwins(accepted);
  return {
    signer: chooseSigner(unique, algorithm, isDefaultAlgorithm, chosen),
    accepted: unique,
    refresh: readRefreshKeys(files.filter(({ name }) => REFRESH.test(name))),
  };
}

async function readFiles(directory: string): Promise<KeyFile[]> {
  try {
    const files: KeyFile[] = [];
    for (const name of (await readdir(directory)).sort()) {
      const path = join(directory, name);
      if (!name.startsWith(".") && (await stat(path)).isFile()) {
        files.push({ name, text: await readFile(path, "utf8") });
      }
    }
    return files;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new KeyError(`JWT_KEYS_DIR cannot be read: ${reason}`, { cause });
  }
}

async function readKey(file: KeyFile): Promise<VerificationKey | SigningKey> {
  const kid = parse(file.name).name;
  const key = parseKey(file, kid);
  return key.type === "private" ? toSigningKey(kid, key) : toVerificationKey(kid, key);
}

function parseKey({ name, text }: KeyFile, kid: string): KeyObject {
  try {
    if (!text.trimStart().startsWith("{")) {
      return text.includes("PRIVATE KEY-----") ? createPrivateKey(text) : createPublicKey(text);
    }
    const jwk = JSON.parse(text) as JsonWebKey;
    if (jwk.kid !== undefined && jwk.kid !== kid) {
      throw new KeyError(
        `JWT_KEYS_DIR: ${name} has "kid" ${JSON.stringify(jwk.kid)}, but the file's name is the kid. ` +
          "Rename the file or leave the member out.",
      );
    }
    return jwk.d === undefined
      ? createPublicKey({ key: jwk, format: "jwk" })
      : createPrivateKey({ key: jwk, format: "jwk" });
  } catch (error) {
    if (error instanceof KeyError) {
      throw error;
    }
    // The cause may quote the file.
    throw new KeyError(
      `JWT_KEYS_DIR: ${name} is not a key. Expected are unencrypted PEM (PKCS#8), for example from ` +
        `"openssl genpkey -algorithm ed25519", or a JWK.`,
    );
  }
}

/** A private key often lies beside its own public half. */
function withoutTwins(keys: readonly (VerificationKey | SigningKey)[]): VerificationKey[] {
  const byKid = new Map<string, VerificationKey>();
  for (const key of keys) {
    const twin = byKid.get(key.kid);
    if (twin !== undefined && !isSameKey(twin, key)) {
      throw new KeyError(`JWT_KEYS_DIR: two different keys have the name ${key.kid}.`);
    }
    if (twin === undefined || !("privateKey" in twin)) {
      byKid.set(key.kid, key);
    }
  }
  return [...byKid.values()];
}

function chooseSigner(
  keys: readonly (VerificationKey | SigningKey)[],
  algorithm: SigningAlgorithm,
  isDefaultAlgorithm: boolean,
  chosen: string | undefined,
): SigningKey {
  const signers = keys.filter((key): key is SigningKey => "privateKey" in key);
  const exact = signers.filter((key) => key.algorithm === algorithm);
  const takesAny = isDefaultAlgorithm && (chosen !== undefined || exact.length === 0);
  const fitting = takesAny ? signers : exact;
  const signer =
    chosen === undefined
      ? fitting.sort((a, b) => (a.kid < b.kid ? -1 : 1)).at(-1)
      : fitting.find(({ kid }) => kid === chosen);
  if (signer === undefined) {
    const found = signers.map((key) => `${key.kid} (${key.algorithm})`).join(", ") || "none";
    throw new KeyError(
      `JWT_KEYS_DIR has no private key ${chosen === undefined ? "" : `${JSON.stringify(chosen)}, which the file "active" names, `}` +
        `for JWT_ALGORITHM ${algorithm}. Private keys found: ${found}.`,
    );
  }
  return signer;
}

function readRefreshKeys(files: readonly KeyFile[]): RefreshKeys | undefined {
  const all = files.map(({ name, text }) => toRefreshKey(decodeSecret(name, text), name));
  const current = all.find(({ kid }) => kid === CURRENT_REFRESH);
  if (current === undefined && all.length > 0) {
    throw new KeyError(`JWT_KEYS_DIR has ${all[0]?.kid} but no ${CURRENT_REFRESH}.`);
  }
  return current && { current, all };
}

function decodeSecret(name: string, text: string): Buffer {
  const value = strippedLine(text);
  const bytes = /^(?:[0-9a-fA-F]{2})+$/.test(value)
    ? Buffer.from(value, "hex")
    : decodeCanonicalBase64url(
        value
          .replace(/={1,2}$/, "")
          .replaceAll("+", "-")
          .replaceAll("/", "_"),
      );
  if (bytes === undefined) {
    throw new KeyError(
      `JWT_KEYS_DIR: ${name} must hold at least 32 random bytes in base64 or hex. ` +
        `Make it with: openssl rand -base64 32 > ${name}`,
    );
  }
  return bytes;
}
