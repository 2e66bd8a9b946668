import { setTimeout as sleep } from "node:timers/promises";
import { type CryptoKey, importJWK } from "jose";
import type { Jwk } from "../../../generated/curfew/v1/jwk.js";

export type TokenAlgorithm = "EdDSA" | "ES256" | "RS256";

/** Checks signatures of one algorithm. One object a key for as long as it is published. */
export interface VerificationKey {
  readonly algorithm: TokenAlgorithm;
  readonly publicKey: CryptoKey;
  /** The fingerprint of the published key, to recognise it again. */
  readonly fingerprint: string;
}

/** The keys that tokens may be signed with. */
export interface KeySet {
  /** The key of that name; undefined also when no keys are good any more. */
  find(kid: string): VerificationKey | undefined;
  /**
   * Fetches the keys, with a fetch that begins after the call: an answer that was on its way before may
   * lack a key that is published since. One fetch serves all callers until it begins, and fetches begin
   * at least REFETCH_INTERVAL_MS apart. Never rejects.
   */
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

/** The least time between the starts of two fetches, in milliseconds: tokens with forged key ids cause no more. */
const REFETCH_INTERVAL_MS = 250;
/** Milliseconds until keys that could not be fetched are fetched again. */
const RETRY_MS = 1000;
const KEY_TYPES: Readonly<Record<string, readonly [kty: string, crv: string | undefined]>> = {
  EdDSA: ["OKP", "Ed25519"],
  ES256: ["EC", "P-256"],
  RS256: ["RSA", undefined],
};

const isTokenAlgorithm = (jwk: Jwk): jwk is Jwk & { alg: TokenAlgorithm } => {
  const type = Object.hasOwn(KEY_TYPES, jwk.alg) ? KEY_TYPES[jwk.alg] : undefined;
  return type !== undefined && type[0] === jwk.kty && type[1] === jwk.crv && jwk.use === "sig";
};

/** A moment on both clocks of the machine, in milliseconds. */
interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

const moment = (): Moment => ({ monotonic: performance.now(), wall: Date.now() });

/**
 * Milliseconds since a moment: the monotonic clock stands still while a machine is suspended, the
 * wall clock does not; whichever says more counts.
 */
const ageOf = (since: Moment | undefined): number => {
  if (since === undefined) return Number.POSITIVE_INFINITY;
  const now = moment();
  return Math.max(now.monotonic - since.monotonic, now.wall - since.wall);
};

/** Follows Curfew's JWKS. While it cannot be fetched, the last good keys stand until they are too old. */
export const followKeys = (options: KeySetOptions): KeySet => {
  let keys = new Map<string, VerificationKey>();
  let fetched: Moment | undefined;
  let tried: Moment | undefined;
  let upcoming: Promise<void> | undefined;
  let running: Promise<void> | undefined;
  let isFailing = false;
  let isClosed = false;

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
    const begun = moment();
    tried = begun;
    try {
      keys = await load(await options.fetchKeys());
      fetched = begun;
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

  const fetchFromNowOn = async (): Promise<void> => {
    await running;
    const left = REFETCH_INTERVAL_MS - ageOf(tried);
    if (left > 0) await sleep(left, undefined, { ref: false });
    // A key that is requested from here on may be published after this fetch.
    upcoming = undefined;
    if (isClosed) return;
    running = fetchNow();
    return running;
  };
  const refetch = (): Promise<void> => {
    upcoming ??= fetchFromNowOn();
    return upcoming;
  };

  const isUsable = (): boolean => keys.size > 0 && ageOf(fetched) <= options.maxAge;

  const timer = setInterval(
    () => {
      if (ageOf(tried) >= (isFailing ? RETRY_MS : options.refreshMs)) void refetch();
    },
    Math.min(RETRY_MS, options.refreshMs),
  );
  timer.unref();
  void refetch();

  return {
    find: (kid) => (isUsable() ? keys.get(kid) : undefined),
    refetch,
    isUsable,
    close() {
      isClosed = true;
      clearInterval(timer);
    },
  };
};
