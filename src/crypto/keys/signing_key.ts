import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { type CryptoKey, calculateJwkThumbprint, importJWK, type JWK } from "jose";
import type { SigningAlgorithm } from "../../core/ports/key_store.js";
import { KeyError } from "./key_error.js";

/** A public key as it is published (RFC 7517). Members that do not apply are absent. */
export interface PublicJwk {
  readonly kty: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
  readonly kid: string;
  readonly use: "sig";
  readonly alg: SigningAlgorithm;
}

/** Checks signatures of one algorithm. One object a key for as long as it is loaded. */
export interface VerificationKey {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly publicKey: CryptoKey;
  readonly publicJwk: PublicJwk;
}

/** Makes them, too. */
export interface SigningKey extends VerificationKey {
  readonly privateKey: CryptoKey;
}

const MIN_RSA_BITS = 2048;

/**
 * The one algorithm a key is good for.
 *
 * Throws a KeyError that starts with `name` for a key of no such algorithm.
 */
export function algorithmOf(key: KeyObject, name: string): SigningAlgorithm {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "ed25519") {
    return "EdDSA";
  }
  if (type === "ec" && details?.namedCurve === "prime256v1") {
    return "ES256";
  }
  if (type === "rsa" && (details?.modulusLength ?? 0) >= MIN_RSA_BITS) {
    return "RS256";
  }
  throw new KeyError(
    `${name} is a key of type ${type ?? "secret"}${details?.namedCurve ? ` (${details.namedCurve})` : ""}; ` +
      "it must be Ed25519 (EdDSA), P-256 (ES256) or RSA of at least 2048 bits (RS256).",
  );
}

/** Loads the public half of a key, public or private, for checking. */
export async function toVerificationKey(kid: string, key: KeyObject): Promise<VerificationKey> {
  const algorithm = algorithmOf(key, `Key ${kid}`);
  const bare = (key.type === "private" ? createPublicKey(key) : key).export({ format: "jwk" });
  return {
    kid,
    algorithm,
    publicKey: await importKey(bare, algorithm, true),
    publicJwk: Object.freeze({ ...publicMembers(bare), kid, use: "sig", alg: algorithm }),
  };
}

/** Loads a private key for signing. The loaded key cannot be exported again. */
export async function toSigningKey(kid: string, key: KeyObject): Promise<SigningKey> {
  const verification = await toVerificationKey(kid, key);
  const privateJwk = key.export({ format: "jwk" });
  return {
    ...verification,
    privateKey: await importKey(privateJwk, verification.algorithm, false),
  };
}

/** The name of a key made here: its thumbprint (RFC 7638). */
export const thumbprintOf = (key: KeyObject): Promise<string> =>
  calculateJwkThumbprint(createPublicKey(key).export({ format: "jwk" }) as JWK);

async function importKey(
  jwk: JsonWebKey,
  algorithm: SigningAlgorithm,
  extractable: boolean,
): Promise<CryptoKey> {
  const key = await importJWK(jwk as JWK, algorithm, { extractable });
  if (key instanceof Uint8Array) {
    throw new TypeError("an asymmetric key was expected");
  }
  return key;
}

function publicMembers({ kty, crv, x, y, n, e }: JsonWebKey) {
  if (kty === "OKP") {
    return { kty, crv: crv ?? "", x: x ?? "" };
  }
  return kty === "EC"
    ? { kty, crv: crv ?? "", x: x ?? "", y: y ?? "" }
    : { kty: "RSA", n: n ?? "", e: e ?? "" };
}
