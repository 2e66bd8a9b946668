import { type CryptoKey, errors, type JWSHeaderParameters } from "jose";
import { fail, unavailable } from "../core/errors.js";
import type { TrustedIssuer } from "../core/exchange/trusted_issuer.js";
import type { Clock } from "../core/ports/clock.js";
import { discoverKeys, type KeySet, readKeySet } from "./key_document.js";

/** Keys are read again when they are older, so that one that was withdrawn is forgotten. */
const FRESH_MS = 600_000;
/** The least time between two loads that a key which is not known causes. */
const UNKNOWN_KEY_EVERY_MS = 10_000;
/** How long a failed load answers for those that ask after it. */
const FAILED_FOR_MS = 1000;
/** Keys without a `kid` that are tried for one token. */
const MAX_CANDIDATES = 10;

/** The keys of one issuer, as they were published lately. */
export interface IssuerKeys {
  /**
   * The keys that can have signed a token with this header; none: the issuer has
   * no such key. A header that names an unknown key is looked up in a key set
   * that was read after the question.
   *
   * @throws CurfewError DEPENDENCY_UNAVAILABLE when the keys cannot be read, or
   * were read too short a time ago to be read again
   */
  candidates(header: JWSHeaderParameters): Promise<readonly CryptoKey[]>;
  /**
   * The same after no candidate fitted: if keys have no `kid`, the header does not distinguish a new key from the
   * previous one.
   */
  candidatesAfterMismatch(header: JWSHeaderParameters): Promise<readonly CryptoKey[]>;
}

export interface IssuerKeysOptions {
  readonly clock: Pick<Clock, "monotonic">;
  /** Most milliseconds that a load takes, discovery included. */
  readonly timeoutMs: number;
  readonly allowLoopbackHttp: boolean;
  /** Receives the cause of a failed load, for the log. */
  readonly onFailure: (issuer: string, cause: unknown) => void;
}

interface LoadedKeys {
  readonly set: KeySet;
  readonly startedAt: number;
  /** Which load it was. Clocks are too coarse to say what began after what. */
  readonly number: number;
  /** Names of keys that this load was made for, and did not find. */
  readonly missing: Set<string>;
}

export const createIssuerKeys = (
  issuer: TrustedIssuer,
  { clock, timeoutMs, allowLoopbackHttp, onFailure }: IssuerKeysOptions,
): IssuerKeys => {
  let discovered: URL | undefined;
  let loaded: LoadedKeys | undefined;
  let loading: Promise<LoadedKeys> | undefined;
  let failure: { readonly at: number; readonly error: Error } | undefined;
  let unknownKeyAt = Number.NEGATIVE_INFINITY;
  let loads = 0;

  const read = async (): Promise<KeySet> => {
    const bounds = { signal: AbortSignal.timeout(timeoutMs), allowLoopbackHttp };
    if (issuer.jwksUri !== undefined) return readKeySet(new URL(issuer.jwksUri), issuer, bounds);
    discovered ??= await discoverKeys(issuer, bounds);
    return readKeySet(discovered, issuer, bounds);
  };

  const begin = async (): Promise<LoadedKeys> => {
    const startedAt = clock.monotonic();
    const number = ++loads;
    try {
      loaded = { set: await read(), startedAt, number, missing: new Set() };
      failure = undefined;
      return loaded;
    } catch (cause) {
      // The keys may have moved.
      discovered = undefined;
      onFailure(issuer.issuer, cause);
      failure = { at: clock.monotonic(), error: unavailable(cause) };
      throw failure.error;
    }
  };

  /** One load at a time, which all that ask meanwhile share. */
  const load = (): Promise<LoadedKeys> => {
    if (failure !== undefined && clock.monotonic() < failure.at + FAILED_FOR_MS)
      return Promise.reject(failure.error);
    loading ??= begin().finally(() => {
      loading = undefined;
    });
    return loading;
  };

  const current = (): Promise<LoadedKeys> | LoadedKeys =>
    loaded !== undefined && clock.monotonic() < loaded.startedAt + FRESH_MS ? loaded : load();

  /** A load that began after the question, or a refusal to make one now. */
  const loadForUnknownKey = (): Promise<LoadedKeys> => {
    const now = clock.monotonic();
    const waitMs = unknownKeyAt + UNKNOWN_KEY_EVERY_MS - now;
    // The key may have been published since the last load, so the token is not judged.
    if (waitMs > 0) throw fail("DEPENDENCY_UNAVAILABLE", { retryAfterMs: waitMs });
    unknownKeyAt = now;
    return load();
  };

  /** Searches for a key that `keys` does not have, in the keys of a later load than the one given by number. */
  const searchAfter = async (
    lastLoad: number,
    keys: LoadedKeys,
    header: JWSHeaderParameters,
  ): Promise<readonly CryptoKey[]> => {
    const kid = header.kid ?? "";
    if (keys.missing.has(kid)) return [];
    const newer = keys.number > lastLoad ? keys : await loadForUnknownKey();
    const found = newer === keys ? [] : await matching(newer.set, header);
    if (found.length === 0) newer.missing.add(kid);
    return found;
  };

  return {
    async candidates(header) {
      const lastLoad = loads;
      let keys = await current();
      let found = await matching(keys.set, header);
      if (found.length === 0 && loading !== undefined) {
        // This load began before the question, but may bring the key.
        keys = await loading;
        found = await matching(keys.set, header);
      }
      // A key of that name exists, and is of another algorithm.
      const isOther = header.kid !== undefined && keys.set.hasKid(header.kid);
      return found.length > 0 || isOther ? found : searchAfter(lastLoad, keys, header);
    },

    async candidatesAfterMismatch(header) {
      const lastLoad = loads;
      const keys = await current();
      if (header.kid !== undefined || !keys.set.hasNameless) return [];
      const found = await searchAfter(lastLoad, keys, header);
      // Whether it helps is known when the signature is checked again.
      loaded?.missing.add("");
      return found;
    },
  };
};

/** jose's choice by `kty`, `kid`, `alg`, `use`, `key_ops` and curve. */
const matching = async (set: KeySet, header: JWSHeaderParameters): Promise<CryptoKey[]> => {
  try {
    return [await set.find(header)];
  } catch (error) {
    // None, or one that is malformed.
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return [];
    const keys: CryptoKey[] = [];
    for await (const key of error) {
      keys.push(key);
      if (keys.length === MAX_CANDIDATES) break;
    }
    return keys;
  }
};
