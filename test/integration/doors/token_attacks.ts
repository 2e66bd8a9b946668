import { deflateRawSync } from "node:zlib";
import { base64url, hmac, type Sign, seal, type TokenForge } from "./token_forge.js";

/** A token that must not be good, and where the idea comes from. */
export interface TokenAttack {
  readonly name: string;
  readonly make: (forge: TokenForge) => string;
}

/** Where the attacker would like keys to be fetched from. */
export interface AttackersSite {
  readonly origin: string;
}

const attack = (name: string, make: TokenAttack["make"]): TokenAttack => ({ name, make });

const nothing: Sign = () => Buffer.alloc(0);
const members = (value: object): string => JSON.stringify(value).slice(1, -1);
const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
const pem = ({ publicKey }: TokenForge): string =>
  publicKey.export({ type: "spki", format: "pem" }).toString();
const jwk = ({ publicKey }: TokenForge): object => publicKey.export({ format: "jwk" });
const evilJwk = ({ attackersKey }: TokenForge): object => attackersKey.export({ format: "jwk" });

/** A header that says something else, properly signed: refused for what it says. */
const header = (name: string, change: (forge: TokenForge) => object): TokenAttack =>
  attack(`header: ${name}`, (forge) =>
    seal({ ...forge.header, ...change(forge) }, forge.claims, forge.sign),
  );

/** Claims that say something else, properly signed. */
const claim = (name: string, change: (forge: TokenForge) => object): TokenAttack =>
  attack(`claims: ${name}`, (forge) =>
    seal(forge.header, { ...forge.claims, ...change(forge) }, forge.sign),
  );

/** Header and payload as raw text, properly signed. */
const raw = (
  name: string,
  make: (forge: TokenForge) => readonly [string | Uint8Array, string | Uint8Array],
): TokenAttack => attack(`JSON: ${name}`, (forge) => seal(...make(forge), forge.sign));

/** RFC 8725, sections 2.1 and 3.1: the algorithm is the server's to choose. */
const ALGORITHMS: readonly TokenAttack[] = [
  ...["none", "None", "NONE", "nOnE", ""].flatMap((alg) => [
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

/** RFC 8725, sections 2.9 and 3.10: what the token says of keys is not believed. */
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

/** RFC 8725, sections 2.6, 3.8, 3.9: claims that look right to a careless reader. */
const CLAIMS: readonly TokenAttack[] = [
  claim("issuer of somebody else", () => ({ iss: "https://evil.example" })),
  claim("issuer with a slash more", ({ claims }) => ({ iss: `${String(claims.iss)}/` })),
  claim("issuer in a list", ({ claims }) => ({ iss: [claims.iss] })),
  claim("audience of somebody else", () => ({ aud: "billing" })),
  claim("audience that contains ours", ({ claims }) => ({ aud: `${String(claims.aud)}-test` })),
  claim("no audience", () => ({ aud: undefined })),
  claim("audience empty", () => ({ aud: [] })),
  claim("audience an object", ({ claims }) => ({ aud: { 0: claims.aud, length: 1 } })),
  ...["iss", "sub", "sid", "jti", "iat", "exp", "sexp", "auth_time", "amr", "roles"].flatMap(
    (name) => [
      claim(`no ${name}`, () => ({ [name]: undefined })),
      claim(`${name} null`, () => ({ [name]: null })),
      claim(`${name} true`, () => ({ [name]: true })),
      claim(`${name} an object`, () => ({ [name]: { $ne: null } })),
    ],
  ),
  claim("exp as text", () => ({ exp: "4102444800" })),
  claim("exp with a fraction", ({ claims }) => ({ exp: Number(claims.exp) + 0.5 })),
  claim("exp after the session's maximum", ({ claims }) => ({ exp: Number(claims.sexp) + 1 })),
  claim("exp beyond all numbers", () => ({ exp: Number.MAX_VALUE, sexp: Number.MAX_VALUE })),
  claim("exp negative", () => ({ exp: -1 })),
  claim("nbf", () => ({ nbf: 0 })),
  claim("sub empty", () => ({ sub: "" })),
  claim("sub in a list", ({ claims }) => ({ sub: [claims.sub] })),
  claim("roles as text", () => ({ roles: "admin" })),
];

/** RFC 8725, section 2.6; RFC 7519, section 4: text that two readers read in two ways. */
const TEXTS: readonly TokenAttack[] = [
  raw("alg twice", ({ header: head, claims }) => [
    `{"alg":"none",${members(head)}}`,
    JSON.stringify(claims),
  ]),
  raw("kid twice, once escaped", ({ header: head, claims }) => [
    `{${members(head)},"\\u006bid":"x"}`,
    JSON.stringify(claims),
  ]),
  ...["sub", "sid", "exp", "roles"].flatMap((name) => [
    raw(`${name} twice, first the attacker's`, ({ header: head, claims }) => [
      JSON.stringify(head),
      `{"${name}":"attacker",${members(claims)}}`,
    ]),
    raw(`${name} twice, last the attacker's`, ({ header: head, claims }) => [
      JSON.stringify(head),
      `{${members(claims)},"${name}":"attacker"}`,
    ]),
  ]),
  raw("a member twice deep inside", ({ header: head, claims }) => [
    JSON.stringify(head),
    `{${members(claims)},"x":{"y":[{"a":1,"a":2}]}}`,
  ]),
  raw("__proto__ in the header", ({ header: head, claims }) => [
    `{${members(head)},"__proto__":{"alg":"none"}}`,
    JSON.stringify(claims),
  ]),
  raw("a header nested 2,000 deep", ({ header: head, claims }) => [
    `{${members(head)},"x":${nested(2000)}}`,
    JSON.stringify(claims),
  ]),
  raw("a header that is a list", ({ header: head, claims }) => [
    JSON.stringify([head]),
    JSON.stringify(claims),
  ]),
  raw("claims that are a list", ({ header: head, claims }) => [
    JSON.stringify(head),
    JSON.stringify([claims]),
  ]),
  raw("claims nested 2,500 deep and no more", ({ header: head }) => [
    JSON.stringify(head),
    nested(2500),
  ]),
  raw("claims that are a number", ({ header: head }) => [JSON.stringify(head), "1"]),
  raw("claims with a comment", ({ header: head, claims }) => [
    JSON.stringify(head),
    `{/**/${members(claims)}}`,
  ]),
  raw("claims with a comma too many", ({ header: head, claims }) => [
    JSON.stringify(head),
    `{${members(claims)},}`,
  ]),
  raw("claims and then more", ({ header: head, claims }) => [
    JSON.stringify(head),
    `${JSON.stringify(claims)}{}`,
  ]),
  raw("claims after a byte order mark", ({ header: head, claims }) => [
    JSON.stringify(head),
    `\uFEFF${JSON.stringify(claims)}`,
  ]),
  raw("claims in UTF-16", ({ header: head, claims }) => [
    JSON.stringify(head),
    Buffer.from(JSON.stringify(claims), "utf16le"),
  ]),
  raw("claims in overlong UTF-8", ({ header: head, claims }) => [
    JSON.stringify(head),
    Buffer.concat([Buffer.from(JSON.stringify(claims)), Buffer.from([0xc0, 0x80])]),
  ]),
  raw("no claims", ({ header: head }) => [JSON.stringify(head), ""]),
  raw("no header", ({ claims }) => ["", JSON.stringify(claims)]),
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
  ...CLAIMS,
  ...TEXTS,
  ...OTHER_FORMS,
];
