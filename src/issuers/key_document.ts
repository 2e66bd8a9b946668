import { createLocalJWKSet, type JSONWebKeySet, type JWK } from "jose";
import { parseStrictJsonObject } from "../access_token/strict_json.js";
import type { TrustedIssuer } from "../core/exchange/trusted_issuer.js";
import { boundedGet } from "./bounded_get.js";

/** A key set of a provider has a few kilobytes, its discovery document as well. */
const MAX_BYTES = 65_536;
const MAX_KEYS = 100;

/** The keys that an issuer published at one time. */
export interface KeySet {
  readonly find: ReturnType<typeof createLocalJWKSet>;
  readonly hasKid: (kid: string) => boolean;
  /** Whether a key has no `kid`. */
  readonly hasNameless: boolean;
}

/** What reading an issuer's documents needs. */
export interface ReadBounds {
  readonly signal: AbortSignal;
  /** Whether plain HTTP may be used for loopback addresses. */
  readonly allowLoopbackHttp: boolean;
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Whether keys may be read from there: over TLS, or within this machine. */
const isSafe = (url: URL, { allowLoopbackHttp }: ReadBounds): boolean =>
  url.username === "" &&
  url.password === "" &&
  (url.protocol === "https:" ||
    (url.protocol === "http:" && allowLoopbackHttp && LOOPBACK.test(url.hostname)));

const readObject = async (
  url: URL,
  mayBePrivate: boolean,
  bounds: ReadBounds,
): Promise<Record<string, unknown>> => {
  if (!isSafe(url, bounds)) throw new Error(`${url.origin} is not an https address`);
  const { signal } = bounds;
  const bytes = await boundedGet(url, { signal, maxBytes: MAX_BYTES, mayBePrivate });
  const document = parseStrictJsonObject(bytes);
  if (document === undefined) throw new Error("it did not answer one well-formed JSON object");
  return document;
};

/**
 * Where an issuer says its keys are (OpenID Connect Discovery 1.0, section 4).
 *
 * @throws Error when the document cannot be read or is another issuer's
 */
export const discoverKeys = async ({ issuer }: TrustedIssuer, bounds: ReadBounds): Promise<URL> => {
  const url = new URL(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  const document = await readObject(url, true, bounds);
  if (document.issuer !== issuer) throw new Error("its discovery document names another issuer");
  const { jwks_uri } = document;
  if (typeof jwks_uri !== "string" || !URL.canParse(jwks_uri))
    throw new Error("its discovery document has no jwks_uri");
  return new URL(jwks_uri);
};

/**
 * Reads a key set (RFC 7517).
 *
 * @throws Error when it cannot be read, or is no key set
 */
export const readKeySet = async (
  url: URL,
  { issuer, jwksUri }: TrustedIssuer,
  bounds: ReadBounds,
): Promise<KeySet> => {
  const isConfigured = jwksUri !== undefined || url.origin === new URL(issuer).origin;
  const { keys } = await readObject(url, isConfigured, bounds);
  if (!Array.isArray(keys) || keys.length > MAX_KEYS)
    throw new Error(`it did not answer a key set of at most ${MAX_KEYS} keys`);
  const usable = keys.filter(isPublicKey);
  const kids = new Set(usable.map(({ kid }) => kid));
  return {
    find: createLocalJWKSet({ keys: usable } as JSONWebKeySet),
    hasKid: (kid) => kids.has(kid),
    hasNameless: kids.has(undefined),
  };
};

/** Keys of other kinds, such as a secret that was published by mistake, are left out. */
const isPublicKey = (key: unknown): key is JWK =>
  typeof key === "object" &&
  key !== null &&
  "kty" in key &&
  ["RSA", "EC", "OKP"].includes(String(key.kty)) &&
  !("d" in key);
