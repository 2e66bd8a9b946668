import { createHmac, createPrivateKey, type KeyObject, sign } from "node:crypto";
import fc from "fast-check";
import { exportJWK } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import type { TokenVerifier } from "../../../src/core/ports/token_verifier.js";
import { openSecret } from "../../../src/crypto/keys/sealed_secret.js";
import type { PublicJwk } from "../../../src/crypto/keys/signing_key.js";
import { ALGORITHMS, AUDIENCE, CLAIMS, openReplica } from "./fixtures.js";

/** The attacks of RFC 8725 and their relatives, each on a token that is right but for the one thing. */

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

let verifier: TokenVerifier;
let token: string;
let privateKey: KeyObject;
let publicJwk: PublicJwk;
let kid: string;

beforeEach(async () => {
  const replica = await openReplica();
  verifier = replica.verifier;
  token = await replica.signer.sign(CLAIMS);
  ({ kid, publicJwk } = replica.keys.signer());
  const stored = replica.store.rows.get(kid);
  const secret = openSecret(kid, stored?.secret ?? Buffer.of(), undefined);
  privateKey = createPrivateKey({ key: JSON.parse(secret.toString()), format: "jwk" });
});

const encode = (text: string | Uint8Array): string => Buffer.from(text).toString("base64url");
const part = (index: number): string => token.split(".")[index] ?? "";
const rightHeader = () => ({ alg: "EdDSA", kid, typ: "at+jwt" });
const wire = { ...CLAIMS, aud: AUDIENCE };

/** A token signed with the real key, whatever it says. */
function forge(header: unknown, payload: unknown = wire): string {
  const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  return signed(`${encode(text(header))}.${encode(text(payload))}`);
}

const signed = (input: string): string =>
  `${input}.${sign(null, Buffer.from(input), privateKey).toString("base64url")}`;

const json = (members: object): string => JSON.stringify(members).slice(1, -1);

test("the forge makes a token that passes, so that what follows fails for its own reason", async () => {
  expect(await verifier.verify(forge(rightHeader()))).toEqual(CLAIMS);
  expect(await verifier.verify(token)).toEqual(CLAIMS);
});

describe("D3: header", () => {
  const headers: [string, () => unknown][] = [
    ["alg none", () => ({ ...rightHeader(), alg: "none" })],
    ["alg NONE", () => ({ ...rightHeader(), alg: "NONE" })],
    ["alg in other letters", () => ({ ...rightHeader(), alg: "eddsa" })],
    ["alg Ed25519", () => ({ ...rightHeader(), alg: "Ed25519" })],
    ["alg of another key type", () => ({ ...rightHeader(), alg: "ES256" })],
    ["alg missing", () => ({ kid, typ: "at+jwt" })],
    ["alg null", () => ({ ...rightHeader(), alg: null })],
    ["alg in a list", () => ({ ...rightHeader(), alg: ["EdDSA"] })],
    ["kid missing", () => ({ alg: "EdDSA", typ: "at+jwt" })],
    ["kid empty", () => ({ ...rightHeader(), kid: "" })],
    ["kid of no key", () => ({ ...rightHeader(), kid: "other" })],
    ["kid a path", () => ({ ...rightHeader(), kid: `../../${kid}` })],
    ["kid a member of every object", () => ({ ...rightHeader(), kid: "__proto__" })],
    ["kid with SQL", () => ({ ...rightHeader(), kid: `${kid}' or '1'='1` })],
    ["kid with a NUL", () => ({ ...rightHeader(), kid: `${kid}\0` })],
    ["kid a number", () => ({ ...rightHeader(), kid: 1 })],
    ["typ missing", () => ({ alg: "EdDSA", kid })],
    ["typ JWT", () => ({ ...rightHeader(), typ: "JWT" })],
    ["typ in capitals", () => ({ ...rightHeader(), typ: "AT+JWT" })],
    ["typ as a media type", () => ({ ...rightHeader(), typ: "application/at+jwt" })],
    ["jwk", () => ({ ...rightHeader(), jwk: publicJwk })],
    ["jku", () => ({ ...rightHeader(), jku: "https://evil.test/jwks.json" })],
    ["x5u", () => ({ ...rightHeader(), x5u: "https://evil.test/cert.pem" })],
    ["x5c", () => ({ ...rightHeader(), x5c: ["MIIB"] })],
    ["x5t#S256", () => ({ ...rightHeader(), "x5t#S256": "AA" })],
    ["crit", () => ({ ...rightHeader(), crit: ["exp"], exp: 1 })],
    ["crit empty", () => ({ ...rightHeader(), crit: [] })],
    ["b64 false", () => ({ ...rightHeader(), b64: false, crit: ["b64"] })],
    ["b64 true", () => ({ ...rightHeader(), b64: true })],
    ["cty", () => ({ ...rightHeader(), cty: "JWT" })],
    ["zip", () => ({ ...rightHeader(), zip: "DEF" })],
    ["__proto__", () => `{${json(rightHeader())},"__proto__":{}}`],
    ["alg twice", () => `{"alg":"none",${json(rightHeader())}}`],
    ["kid twice, once escaped", () => `{"\\u006bid":"other",${json(rightHeader())}}`],
    ["a list", () => [rightHeader()]],
    ["a string", () => '"at+jwt"'],
    ["null", () => "null"],
    ["empty", () => ""],
    ["not JSON", () => `{${json(rightHeader())}`],
    ["trailing text", () => `${JSON.stringify(rightHeader())} {}`],
    ["a byte order mark", () => `\uFEFF${JSON.stringify(rightHeader())}`],
  ];
  test.each(headers)("%s is refused", async (_, header) => {
    expect(await verifier.verify(forge(header()))).toBeUndefined();
  });

  test("not UTF-8 is refused", async () => {
    const bytes = Buffer.from(JSON.stringify({ ...rightHeader(), kid: "\u00ff" }), "latin1");
    expect(await verifier.verify(signed(`${encode(bytes)}.${part(1)}`))).toBeUndefined();
  });

  test("alg none without a signature is refused", async () => {
    const none = encode(JSON.stringify({ ...rightHeader(), alg: "none" }));
    expect(await verifier.verify(`${none}.${part(1)}.`)).toBeUndefined();
    expect(await verifier.verify(`${none}.${part(1)}`)).toBeUndefined();
  });

  test("HS256 with the public key as its secret is refused, in every form of that key", async () => {
    const replica = await openReplica({ algorithm: "RS256" });
    const { kid: rsaKid, publicKey, publicJwk: jwk } = replica.keys.signer();
    const header = encode(JSON.stringify({ alg: "HS256", kid: rsaKid, typ: "at+jwt" }));
    const input = `${header}.${part(1)}`;
    const secrets = [JSON.stringify(jwk), JSON.stringify(await exportJWK(publicKey)), jwk.n ?? ""];
    for (const secret of secrets) {
      const hmac = createHmac("sha256", secret).update(input).digest("base64url");
      expect(await replica.verifier.verify(`${input}.${hmac}`)).toBeUndefined();
    }
  });

  test("a token of one key under the kid of another is refused", async () => {
    const other = await openReplica();
    const stranger = await other.signer.sign(CLAIMS);
    const [, payload, signature] = stranger.split(".");
    expect(await verifier.verify(stranger)).toBeUndefined();
    expect(await verifier.verify(`${part(0)}.${payload}.${signature}`)).toBeUndefined();
  });
});

describe("D3: claims", () => {
  const without = (name: string) =>
    Object.fromEntries(Object.entries(wire).filter(([key]) => key !== name));

  test.each(Object.keys(CLAIMS))("without %s is refused", async (name) => {
    expect(await verifier.verify(forge(rightHeader(), without(name)))).toBeUndefined();
  });

  test.each(["iat", "exp", "sexp", "auth_time"])("%s must be a whole number", async (name) => {
    const values = ["1700000000", 1700000000.5, -1, 2 ** 53, null, true, [1700000000], {}];
    for (const value of values) {
      const claims = { ...wire, [name]: value };
      expect(await verifier.verify(forge(rightHeader(), claims))).toBeUndefined();
    }
  });

  test.each(["1e400", "NaN", "01", "0x10"])("exp %s is refused", async (number) => {
    const payload = `{${json(without("exp"))},"exp":${number}}`;
    expect(await verifier.verify(forge(rightHeader(), payload))).toBeUndefined();
  });

  const payloads: [string, unknown][] = [
    ["another issuer", { ...wire, iss: "https://curfew.test/" }],
    ["an issuer in a list", { ...wire, iss: [CLAIMS.iss] }],
    ["another audience", { ...wire, aud: "billing" }],
    ["an audience that only contains ours", { ...wire, aud: "orders-test" }],
    ["an empty list of audiences", { ...wire, aud: [] }],
    ["audiences that are not all text", { ...wire, aud: [AUDIENCE, 1] }],
    ["an audience as an object", { ...wire, aud: { 0: AUDIENCE } }],
    ["an empty subject", { ...wire, sub: "" }],
    ["a subject as a number", { ...wire, sub: 1 }],
    ["an empty session id", { ...wire, sid: "" }],
    ["a session id in a list", { ...wire, sid: [CLAIMS.sid] }],
    ["an empty jti", { ...wire, jti: "" }],
    ["roles as a string", { ...wire, roles: "admin" }],
    ["roles that are not all text", { ...wire, roles: ["clerk", { toString: "admin" }] }],
    ["roles that are null", { ...wire, roles: null }],
    ["amr as a string", { ...wire, amr: "pwd" }],
    ["exp after sexp", { ...wire, exp: wire.sexp + 1 }],
    ["nbf", { ...wire, nbf: 0 }],
    ["roles twice", `{"roles":["clerk"],${json(wire)}}`],
    ["exp twice, once escaped", `{"e\\u0078p":9999999999,${json(wire)}}`],
    ["a member twice deep inside", `{${json(wire)},"x":[{"a":1,"a":1}]}`],
    ["a list", [wire]],
    ["a string", '"claims"'],
    ["null", "null"],
    ["nothing", ""],
  ];
  test.each(payloads)("%s is refused", async (_, payload) => {
    expect(await verifier.verify(forge(rightHeader(), payload))).toBeUndefined();
  });

  test("a token inside a token is refused", async () => {
    expect(await verifier.verify(forge(rightHeader(), token))).toBeUndefined();
  });

  test("payload that is not UTF-8 is refused", async () => {
    const bytes = Buffer.from(JSON.stringify({ ...wire, sub: "\u00ff" }), "latin1");
    expect(await verifier.verify(signed(`${part(0)}.${encode(bytes)}`))).toBeUndefined();
  });

  test("several audiences with ours pass, unknown claims are left out", async () => {
    const claims = { ...wire, aud: ["billing", AUDIENCE], email: "a@b.c" };
    const verified = await verifier.verify(forge(rightHeader(), claims));
    expect(verified).toEqual({ ...CLAIMS, aud: ["billing", AUDIENCE] });
  });

  test("D3: past exp and sexp are for the core to judge", async () => {
    const old = { ...wire, iat: 1, auth_time: 1, exp: 2, sexp: 2 };
    expect(await verifier.verify(forge(rightHeader(), old))).toMatchObject({ exp: 2, sexp: 2 });
  });
});

describe("D3: one token has one spelling", () => {
  test.each(ALGORITHMS)(
    "%s: every other last character of every part is refused",
    async (algorithm) => {
      const replica = await openReplica({ algorithm });
      const good = await replica.signer.sign({ ...CLAIMS, jti: `${algorithm} of one` });
      const parts = good.split(".");
      for (const index of [0, 1, 2]) {
        const text = parts[index] ?? "";
        for (const character of BASE64URL.replace(text.at(-1) ?? "", "")) {
          const respelled = parts.with(index, text.slice(0, -1) + character).join(".");
          expect(await replica.verifier.verify(respelled)).toBeUndefined();
        }
      }
      expect(await replica.verifier.verify(good)).toBeDefined();
    },
  );

  test("spare bits are refused by the form, before the signature is looked at", () => {
    // 64 signature bytes leave four spare bits: 15 more spellings of the same bytes.
    const last = BASE64URL.indexOf(token.at(-1) ?? "");
    expect(last % 16).toBe(0);
    for (let spare = 1; spare < 16; spare += 1) {
      const respelled = token.slice(0, -1) + BASE64URL[last + spare];
      expect(Buffer.from(respelled.split(".")[2] ?? "", "base64url")).toEqual(
        Buffer.from(part(2), "base64url"),
      );
      expect(verifier.verify(respelled)).toBeUndefined();
    }
  });

  const spellings: [string, () => string][] = [
    ["padding on the signature", () => `${token}==`],
    ["padding on the header", () => `${part(0)}=.${part(1)}.${part(2)}`],
    ["a space before", () => ` ${token}`],
    ["a space after", () => `${token} `],
    ["a line feed after", () => `${token}\n`],
    ["a tab inside", () => `${part(0)}.\t${part(1)}.${part(2)}`],
    ["a NUL after", () => `${token}\0`],
    ["a dot after", () => `${token}.`],
    ["a dot before", () => `.${token}`],
    ["five parts", () => `${token}.a.b`],
    ["two parts", () => `${part(0)}.${part(1)}`],
    ["one part", () => part(0)],
    ["nothing", () => ""],
    ["dots", () => ".."],
    ["no signature", () => `${part(0)}.${part(1)}.`],
    ["a Bearer prefix", () => `Bearer ${token}`],
    [
      "JSON serialization",
      () => JSON.stringify({ protected: part(0), payload: part(1), signature: part(2) }),
    ],
    [
      "the characters of plain base64",
      () => `${part(0)}.${part(1)}.${`${part(2)}`.replace(/^./, "+")}`,
    ],
    ["fullwidth letters", () => token.replace("e", "\uff45")],
    ["a character whose low byte is right", () => token.replace("e", "\u0165")],
    ["a cut signature", () => token.slice(0, -2)],
    ["a longer signature", () => `${token}AAAA`],
  ];
  test.each(spellings)("%s is refused", async (_, spell) => {
    expect(await verifier.verify(spell())).toBeUndefined();
  });

  test("ES256: the other of two signatures is refused", async () => {
    const replica = await openReplica({ algorithm: "ES256" });
    // Half of all fresh signatures are the higher of their two, so a few tokens meet both kinds.
    for (let index = 0; index < 16; index += 1) {
      const good = await replica.signer.sign({ ...CLAIMS, jti: `token-${index}` });
      expect(await replica.verifier.verify(good)).toBeDefined();
      const [header, payload, signature] = good.split(".");
      const bytes = Buffer.from(signature ?? "", "base64url");
      const s = BigInt(`0x${bytes.subarray(32).toString("hex")}`);
      const twin = Buffer.from((P256_ORDER - s).toString(16).padStart(64, "0"), "hex");
      const other = Buffer.concat([bytes.subarray(0, 32), twin]).toString("base64url");
      expect(await replica.verifier.verify(`${header}.${payload}.${other}`)).toBeUndefined();
    }
  });

  test("ES256: degenerate signatures are refused", async () => {
    const replica = await openReplica({ algorithm: "ES256" });
    const [header, payload] = (await replica.signer.sign(CLAIMS)).split(".");
    const order = Buffer.from(P256_ORDER.toString(16), "hex");
    const zero = Buffer.alloc(32);
    for (const pair of [
      [zero, zero],
      [order, zero],
      [order, order],
      [zero, Buffer.alloc(32, 1)],
    ]) {
      const signature = Buffer.concat(pair).toString("base64url");
      expect(await replica.verifier.verify(`${header}.${payload}.${signature}`)).toBeUndefined();
    }
  });

  test("8 KiB and one character is refused, 8 KiB is not", async () => {
    const padTo = (length: number): string => {
      const at = (padding: number) =>
        forge(rightHeader(), { ...wire, padding: "x".repeat(padding) });
      const near = Math.floor(((length - at(0).length) * 3) / 4);
      for (let padding = near - 4; padding < near + 4; padding += 1) {
        if (at(padding).length >= length) {
          return at(padding);
        }
      }
      return "";
    };
    const largest = padTo(8191);
    expect(largest.length).toBeLessThanOrEqual(8192);
    expect(await verifier.verify(largest)).toEqual(CLAIMS);
    const larger = padTo(8193);
    expect(larger.length).toBeGreaterThan(8192);
    expect(verifier.verify(larger)).toBeUndefined();
    expect(verifier.verify("x".repeat(4 * 1024 * 1024))).toBeUndefined();
  });

  test("no change of a few characters passes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.string({ unit: "binary", minLength: 0, maxLength: 3 }),
        async (at, text) => {
          const changed = token.slice(0, at) + text + token.slice(at + 1);
          fc.pre(changed !== token);
          expect(await verifier.verify(changed)).toBeUndefined();
        },
      ),
      { numRuns: 300 },
    );
  });

  test("no text throws", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: "binary" }), { maxLength: 4 }), async (parts) => {
        expect(await verifier.verify(parts.join("."))).toBeUndefined();
      }),
    );
  });
});
