import { constants, createHash, privateEncrypt, sign } from "node:crypto";
import { attack, type TokenAttack } from "./attack.js";
import { seal, type TokenForge } from "./token_forge.js";

/** Makes a signature from a good one, or a new one for the signed text. */
type Bend = (good: Buffer, input: string, forge: TokenForge) => Uint8Array;

const bent = (name: string, bend: Bend): TokenAttack =>
  attack(`signature: ${name}`, (forge) =>
    seal(forge.header, forge.claims, (input) => Buffer.from(bend(forge.sign(input), input, forge))),
  );

const fromHex = (hex: string): Buffer => Buffer.from(hex, "hex");
const big = (value: bigint, bytes: number): Buffer =>
  fromHex(value.toString(16).padStart(2 * bytes, "0"));
const little = (value: bigint, bytes: number): Buffer => big(value, bytes).reverse();
const readBig = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
const readLittle = (bytes: Uint8Array): bigint => readBig(Uint8Array.from(bytes).reverse());

/** Signatures over other bytes than these, or cut and stretched; of every algorithm. */
const ANY: readonly TokenAttack[] = [
  bent("empty", () => Buffer.alloc(0)),
  bent("a byte short", (good) => good.subarray(0, -1)),
  bent("without its first byte", (good) => good.subarray(1)),
  bent("a zero before", (good) => Buffer.concat([Buffer.alloc(1), good])),
  bent("a zero after", (good) => Buffer.concat([good, Buffer.alloc(1)])),
  bent("twice", (good) => Buffer.concat([good, good])),
  bent("backwards", (good) => Buffer.from(good).reverse()),
  bent("in hexadecimal", (good) => Buffer.from(good.toString("hex"))),
  bent("of the payload alone", (_, input, forge) => forge.sign(input.split(".")[1] ?? "")),
  bent("of the bytes of header and payload, decoded", (_, input, forge) =>
    forge.sign(
      input
        .split(".")
        .map((part) => Buffer.from(part, "base64url").toString())
        .join("."),
    ),
  ),
  bent("of its digest", (_, input, forge) =>
    forge.sign(createHash("sha256").update(input).digest("hex")),
  ),
];

/** Order of the group of Ed25519 (RFC 8032, section 5.1). */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Points of order 1, 2, 4 and 8 of Ed25519, spelled also as they should not be. */
const SMALL_ORDER = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];

/** "Taming the many EdDSAs" (Chalkias, Garillot and Nikolaenko), Wycheproof's eddsa_test. */
const EDDSA: readonly TokenAttack[] = [
  ...[1n, 2n, 8n].map((times) =>
    bent(`S and ${times} times the order, the malleable twin`, (good) =>
      Buffer.concat([good.subarray(0, 32), little(readLittle(good.subarray(32)) + times * L, 32)]),
    ),
  ),
  bent("S negated", (good) =>
    Buffer.concat([good.subarray(0, 32), little(L - readLittle(good.subarray(32)), 32)]),
  ),
  bent("the sign of R turned", (good) => {
    const other = Buffer.from(good);
    other.writeUInt8(other.readUInt8(31) ^ 0x80, 31);
    return other;
  }),
  ...SMALL_ORDER.flatMap((point) => [
    bent(`R of small order ${point.slice(0, 4)}…${point.slice(-2)}, S zero`, () =>
      Buffer.concat([fromHex(point), Buffer.alloc(32)]),
    ),
    bent(`R of small order ${point.slice(0, 4)}…${point.slice(-2)} beside the good S`, (good) =>
      Buffer.concat([fromHex(point), good.subarray(32)]),
    ),
  ]),
  bent("S the order", () => Buffer.concat([fromHex(SMALL_ORDER[0] ?? ""), little(L, 32)])),
];

/** Order and prime of P-256 (FIPS 186-5). */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;

const pair = (r: bigint, s: bigint): Buffer => Buffer.concat([big(r, 32), big(s, 32)]);
const halves = (good: Buffer): readonly [bigint, bigint] => [
  readBig(good.subarray(0, 32)),
  readBig(good.subarray(32)),
];

/** CVE-2022-21449, Wycheproof's ecdsa_secp256r1_sha256_p1363_test. */
const ES256: readonly TokenAttack[] = [
  ...[0n, 1n, N - 1n, N, N + 1n, P, 2n ** 256n - 1n].flatMap((r) =>
    [0n, 1n, N - 1n, N, N + 1n, 2n ** 256n - 1n].map((s) =>
      bent(`r ${r.toString(16).slice(-4)}, s ${s.toString(16).slice(-4)}`, () => pair(r, s)),
    ),
  ),
  bent("the twin with the high s", (good) => {
    const [r, s] = halves(good);
    return pair(r, N - s);
  }),
  bent("r and s exchanged", (good) => {
    const [r, s] = halves(good);
    return pair(s, r);
  }),
  bent("r zero beside the good s", (good) => pair(0n, halves(good)[1])),
  bent("s zero beside the good r", (good) => pair(halves(good)[0], 0n)),
  bent("r negated", (good) => {
    const [r, s] = halves(good);
    return pair(N - r, s);
  }),
  bent("in DER", (_, input, { privateKey }) =>
    sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "der" }),
  ),
  bent("over SHA-512", (_, input, { privateKey }) =>
    sign("sha512", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" }),
  ),
];

const SHA256_PREFIX = "3031300d060960864801650304020105000420";

/** A block that PKCS #1 v1.5 would not make, properly "signed" with the private key. */
const block = (name: string, make: (digest: Buffer, size: number) => Buffer): TokenAttack =>
  bent(`PKCS #1: ${name}`, (good, input, { privateKey }) => {
    const digest = createHash("sha256").update(input).digest();
    const bytes = make(digest, good.length);
    const key = { key: privateKey, padding: constants.RSA_NO_PADDING };
    return privateEncrypt(key, bytes);
  });

/** 00, the type, padding, 00, and the rest, with garbage after it where the padding is cut short. */
const padded = (
  rest: Buffer,
  size: number,
  { type = 1, fill = 0xff, padding = size - rest.length - 3 } = {},
): Buffer => {
  const head = Buffer.concat([
    Buffer.from([0, type]),
    Buffer.alloc(padding, fill),
    Buffer.alloc(1),
  ]);
  return Buffer.concat([head, rest, Buffer.alloc(size - head.length - rest.length, 0xa5)]);
};
const info = (digest: Buffer, prefix = SHA256_PREFIX): Buffer =>
  Buffer.concat([fromHex(prefix), digest]);

const modulus = ({ publicKey }: TokenForge): bigint => {
  const { n = "" } = publicKey.export({ format: "jwk" });
  return readBig(Buffer.from(n, "base64url"));
};

/** Bleichenbacher's forgery of 2006 and its kin (CVE-2006-4339, CVE-2014-1568), Wycheproof's rsa_signature_2048_sha256_test. */
const RS256: readonly TokenAttack[] = [
  block("eight bytes of padding and garbage after the digest", (digest, size) =>
    padded(info(digest), size, { padding: 8 }),
  ),
  block("no padding", (digest, size) => padded(info(digest), size, { padding: 0 })),
  block("the digest alone", (digest, size) => padded(digest, size)),
  block("no NULL in the algorithm", (digest, size) =>
    padded(info(digest, "302f300b06096086480165030402010420"), size),
  ),
  block("something else for the NULL", (digest, size) =>
    padded(info(digest, "3033300f06096086480165030402010c02aabb0420"), size),
  ),
  block("lengths in BER", (digest, size) =>
    padded(info(digest, "308131300d060960864801650304020105000420"), size),
  ),
  block("the digest called one of SHA-1", (digest, size) =>
    padded(info(digest.subarray(0, 20), "3021300906052b0e03021a05000414"), size),
  ),
  block("the digest called one of SHA-512", (digest, size) =>
    padded(info(digest, "3031300d060960864801650304020305000420"), size),
  ),
  block("a byte after the digest", (digest, size) =>
    padded(Buffer.concat([info(digest), Buffer.from([0])]), size),
  ),
  block("type 2", (digest, size) => padded(info(digest), size, { type: 2 })),
  block("type 0", (digest, size) => padded(info(digest), size, { type: 0, fill: 0 })),
  block("padding of zeros", (digest, size) => padded(info(digest), size, { fill: 0 })),
  block("padding of FE", (digest, size) => padded(info(digest), size, { fill: 0xfe })),
  ...(["sha1", "sha384", "sha512"] as const).map((hash) =>
    bent(`over ${hash}`, (_, input, { privateKey }) => sign(hash, Buffer.from(input), privateKey)),
  ),
  bent("PSS", (_, input, { privateKey }) =>
    sign("sha256", Buffer.from(input), {
      key: privateKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: 32,
    }),
  ),
  attack("signature: PSS, and PS256 in the header", (forge) =>
    seal({ ...forge.header, alg: "PS256" }, forge.claims, (input) =>
      sign("sha256", Buffer.from(input), {
        key: forge.privateKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: 32,
      }),
    ),
  ),
  ...[0n, 1n, 2n].map((number) => bent(`the number ${number}`, (good) => big(number, good.length))),
  bent("the modulus", (good, _, forge) => big(modulus(forge), good.length)),
  bent("the modulus but one", (good, _, forge) => big(modulus(forge) - 1n, good.length)),
  bent("its negative", (good, _, forge) => big(modulus(forge) - readBig(good), good.length)),
  bent("and the modulus, the malleable twin", (good, _, forge) =>
    big(modulus(forge) + readBig(good), good.length + 1),
  ),
];

const OF: Readonly<Record<string, readonly TokenAttack[]>> = { EdDSA: EDDSA, ES256, RS256 };

/** Signatures that a careless verifier of an algorithm takes. */
export const signatureAttacks = (algorithm: string): readonly TokenAttack[] => [
  ...ANY,
  ...(OF[algorithm] ?? []),
];
