import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { toLowS } from "../../../src/access_token/low_s.js";
import { openSecret } from "../../../src/crypto/keys/sealed_secret.js";
import type { TestService } from "../../support/service.js";

/** A JSON value, or text or bytes to stand in its place. */
type Part = object | string | Uint8Array;

/** Signs its input, as text or bytes. */
export type Sign = (input: string) => Buffer;

/** The parts from which tokens can be made, also by an attacker. */
export interface TokenForge {
  /** A good token of a live session, and its claims. */
  readonly token: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** With the service's own key. */
  readonly sign: Sign;
  /** With a key of the attacker's, of the same kind. */
  readonly signBadly: Sign;
  readonly publicKey: KeyObject;
  /** The service's own. */
  readonly privateKey: KeyObject;
  readonly attackersKey: KeyObject;
}

export const base64url = (part: Part): string =>
  Buffer.from(
    typeof part === "string" || part instanceof Uint8Array ? part : JSON.stringify(part),
  ).toString("base64url");

/** A token of these parts, with a signature over them. */
export const seal = (header: Part, payload: Part, signature: Sign): string => {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${signature(input).toString("base64url")}`;
};

export const hmac =
  (hash: string, secret: string | Uint8Array): Sign =>
  (input) =>
    createHmac(hash, secret).update(input).digest();

const signer = (alg: unknown, key: KeyObject): Sign => {
  switch (alg) {
    case "EdDSA":
      return (input) => sign(null, Buffer.from(input), key);
    case "ES256":
      return (input) =>
        toLowS(sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }));
    case "RS256":
      return (input) => sign("sha256", Buffer.from(input), key);
    default:
      throw new Error(`no key signs with ${String(alg)}`);
  }
};

const keyPairOf = (alg: unknown): { publicKey: KeyObject; privateKey: KeyObject } => {
  if (alg === "ES256") return generateKeyPairSync("ec", { namedCurve: "P-256" });
  if (alg === "RS256") return generateKeyPairSync("rsa", { modulusLength: 2048 });
  return generateKeyPairSync("ed25519");
};

/** Takes a good token of the service, and the key that signed it from the service's database. */
export const openForge = async (
  service: Pick<TestService, "query">,
  token: string,
): Promise<TokenForge> => {
  const header = { ...decodeProtectedHeader(token) };
  const kid = header.kid ?? "";
  const [row] = await service.query<{ secret: Buffer; public_jwk: JsonWebKey }>(
    "SELECT secret, public_jwk FROM keys WHERE kid = $1",
    [kid],
  );
  if (row === undefined) throw new Error(`the service has no key ${kid}`);
  const jwk = JSON.parse(openSecret(kid, row.secret, undefined).toString());
  const key = createPrivateKey({ key: jwk, format: "jwk" });
  const attacker = keyPairOf(header.alg);
  return {
    token,
    header,
    claims: { ...decodeJwt(token) },
    sign: signer(header.alg, key),
    signBadly: signer(header.alg, attacker.privateKey),
    publicKey: createPublicKey(key),
    privateKey: key,
    attackersKey: attacker.publicKey,
  };
};
