import { type CryptoKey, importJWK } from "jose";
import type { Jwk } from "../../../generated/curfew/v1/jwk.js";

export type TokenAlgorithm = "EdDSA" | "ES256" | "RS256";

/** Checks signatures of one algorithm. One object a key for as long as it is published. */
export interface VerificationKey {
  readonly algorithm: TokenAlgorithm;
  readonly publicKey: CryptoKey;
  /** What it was made from, to know it again. */
  readonly fingerprint: string;
}

/** The keys that tokens may be signed with. */
export interface KeySet {
  /** The key of that name; undefined also when no keys are good any more. */
  find(kid: string): VerificationKey | undefined;
  /** Fetches them now; at most once a second, and one fetch for all who ask. Never rejects. */
  refetch(): Promise<void>;
  /** Whether there are keys, fetched within the time they are good for. */
  isUsable(): boolean;
  close(): void;
}

export interface KeySetOptions {
  readonly fetchKeys: () => Promise<readonly Jwk[]>;
  readonly refreshMs: number;
  readonly maxAge: number;
  readonly onProblem: (problem: Error) => void;
}

const REFETCH_INTERVAL_MS = 1000;
const KEY_TYPES: Readonly<Record<string, readonly [kty: string, crv: string | undefined]>> = {
  EdDSA: ["OKP", "Ed25519"],
  ES256: ["EC", "P-256"],
  RS256: ["RSA", undefined],
};

const isTokenAlgorithm = (jwk: Jwk): jwk is Jwk & { alg: TokenAlgorithm } => {
  const type = Object.hasOwn(KEY_TYPES, jwk.alg) ? KEY_TYPES[jwk.alg] : undefined;
  return type !== undefined && type[0] === jwk.kty && type[1] === jwk.crv && jwk.use === "sig";
};

/** Follows Curfew's JWKS. While it cannot be fetched, the last good keys stand until they are too old. */
export const followKeys = (options: KeySetOptions): KeySet => {
  let keys = new Map<string, VerificationKey>();
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;
  let isFailing = false;

  const load = async (published: readonly Jwk[]): Promise<Map<string, VerificationKey>> => {
    const loaded = new Map<string, VerificationKey>();
    for (const jwk of published.filter(isTokenAlgorithm)) {
      const fingerprint = JSON.stringify([jwk.alg, jwk.x, jwk.y, jwk.n, jwk.e]);
      const known = keys.get(jwk.kid);
      if (known?.fingerprint === fingerprint) {
        loaded.set(jwk.kid, known);
        continue;
      }
      const { kty, crv, x, y, n, e, alg } = jwk;
      const members = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value);
      const publicKey = await importJWK({ ...Object.fromEntries(members), kty }, alg);
      if (!(publicKey instanceof Uint8Array))
        loaded.set(jwk.kid, { algorithm: alg, publicKey, fingerprint });
    }
    if (loaded.size === 0)
      throw new Error("Curfew published a JWKS without a key that can be used");
    return loaded;
  };

  const fetchNow = async (): Promise<void> => {
    triedAt = performance.now();
    try {
      keys = await load(await options.fetchKeys());
      fetchedAt = triedAt;
      isFailing = false;
    } catch (cause) {
      if (!isFailing)
        options.onProblem(
          new Error(
            `The keys of access tokens (GetJwks) cannot be fetched; ${keys.size} known keys stay good for ${options.maxAge} ms after their last fetch`,
            { cause },
          ),
        );
      isFailing = true;
    }
  };

  const refetch = (): Promise<void> => {
    if (underWay === undefined && performance.now() - triedAt >= REFETCH_INTERVAL_MS)
      underWay = fetchNow().finally(() => {
        underWay = undefined;
      });
    return underWay ?? Promise.resolve();
  };

  const isUsable = (): boolean => keys.size > 0 && performance.now() - fetchedAt <= options.maxAge;

  const timer = setInterval(
    () => {
      if (isFailing || performance.now() - triedAt >= options.refreshMs) void refetch();
    },
    Math.min(REFETCH_INTERVAL_MS, options.refreshMs),
  );
  timer.unref();
  void refetch();

  return {
    find: (kid) => (isUsable() ? keys.get(kid) : undefined),
    refetch,
    isUsable,
    close: () => clearInterval(timer),
  };
};
