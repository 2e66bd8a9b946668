import type { RefreshKeys } from "./refresh_key.js";
import type { PublicJwk, SigningKey, VerificationKey } from "./signing_key.js";

/** The keys for access tokens: one signs, all are accepted and published. */
export interface SigningKeys {
  readonly signer: SigningKey;
  readonly accepted: readonly VerificationKey[];
}

/** All keys at one moment. Never changes; a reload makes another. */
export interface KeySet {
  readonly signer: SigningKey;
  readonly verification: ReadonlyMap<string, VerificationKey>;
  readonly jwks: readonly PublicJwk[];
  readonly refresh: RefreshKeys;
}

/**
 * Puts keys together. A key that is unchanged since the `previous` set keeps
 * its object, by which caches know that it is still the same.
 */
export function makeKeySet(
  { signer, accepted }: SigningKeys,
  refresh: RefreshKeys,
  previous?: KeySet,
): KeySet {
  const verification = new Map<string, VerificationKey>();
  for (const key of accepted) {
    const known = previous?.verification.get(key.kid);
    verification.set(key.kid, known !== undefined && isSameKey(known, key) ? known : key);
  }
  const jwks = Object.freeze([...verification.values()].map(({ publicJwk }) => publicJwk));
  return { signer, verification, jwks, refresh };
}

/** Whether two keys have the same name and public half. */
export const isSameKey = (a: VerificationKey, b: VerificationKey): boolean =>
  JSON.stringify(a.publicJwk) === JSON.stringify(b.publicJwk);
