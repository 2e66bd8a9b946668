import { claim, raw, type TokenAttack } from "./attack.js";

const members = (value: object): string => JSON.stringify(value).slice(1, -1);
const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

/** RFC 8725, sections 2.6, 3.8, 3.9: claims that look right to a careless reader. */
export const CLAIM_ATTACKS: readonly TokenAttack[] = [
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
  claim("exp in milliseconds", ({ claims }) => ({ exp: Number(claims.exp) * 1000 })),
  claim("exp past the safe numbers", () => ({ exp: 2 ** 53, sexp: 2 ** 53 })),
  claim("exp past 64 bits, to wrap", () => ({ exp: 2 ** 64 + 1, sexp: 2 ** 64 + 1 })),
  ...["iat", "auth_time", "sexp"].flatMap((name) => [
    claim(`${name} as text`, ({ claims }) => ({ [name]: String(claims[name]) })),
    claim(`${name} with a fraction`, ({ claims }) => ({ [name]: Number(claims[name]) + 0.5 })),
    claim(`${name} negative`, () => ({ [name]: -1 })),
    claim(`${name} in a list`, ({ claims }) => ({ [name]: [claims[name]] })),
  ]),
  claim("nbf in the future", () => ({ nbf: 4_102_444_800 })),
  claim("nbf as text", () => ({ nbf: "0" })),
  claim("nbf null", () => ({ nbf: null })),
  claim("audience in a list in a list", ({ claims }) => ({ aud: [[claims.aud]] })),
  claim("audience and a number", ({ claims }) => ({ aud: [claims.aud, 1] })),
  claim("audience in other letters", ({ claims }) => ({ aud: String(claims.aud).toUpperCase() })),
  claim("audience null", () => ({ aud: null })),
  claim("audience a pattern", () => ({ aud: "*" })),
  claim("sid in a list", ({ claims }) => ({ sid: [claims.sid] })),
  claim("sid empty", () => ({ sid: "" })),
  claim("roles with an object", () => ({ roles: [{ role: "admin" }] })),
  claim("nbf in the past", () => ({ nbf: 0 })),
  claim("sub empty", () => ({ sub: "" })),
  claim("sub in a list", ({ claims }) => ({ sub: [claims.sub] })),
  claim("roles as text", () => ({ roles: "admin" })),
];

/** RFC 8725, section 2.6; RFC 7519, section 4: text that two readers read in two ways. */
export const TEXT_ATTACKS: readonly TokenAttack[] = [
  raw("alg twice", ({ header: head, claims }) => [
    `{"alg":"none",${members(head)}}`,
    JSON.stringify(claims),
  ]),
  raw("kid twice, once escaped", ({ header: head, claims }) => [
    `{${members(head)},"\\u006bid":"x"}`,
    JSON.stringify(claims),
  ]),
  ...["alg", "kid", "typ"].flatMap((name) => [
    raw(`${name} twice, first ours`, ({ header: head, claims }) => [
      `{${members(head)},"${name}":"none"}`,
      JSON.stringify(claims),
    ]),
    raw(`${name} twice, last ours`, ({ header: head, claims }) => [
      `{"${name}":"none",${members(head)}}`,
      JSON.stringify(claims),
    ]),
    raw(`${name} twice, the same`, ({ header: head, claims }) => [
      `{"${name}":${JSON.stringify(head[name])},${members(head)}}`,
      JSON.stringify(claims),
    ]),
  ]),
  ...["1e400", "-1e400", "0x10", "1_000", "NaN", "Infinity", "01"].map((number) =>
    raw(`exp ${number}`, ({ header: head, claims: { exp: _, ...claims } }) => [
      JSON.stringify(head),
      `{${members(claims)},"exp":${number}}`,
    ]),
  ),
  ...["iss", "aud", "sub", "sid", "jti", "exp", "sexp", "roles"].flatMap((name) => [
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
