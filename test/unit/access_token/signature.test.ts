import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { CompactSign, importJWK } from "jose";
import { expect, test } from "vitest";
import { parseCompactToken } from "../../../src/access_token/compact_token.js";
import { hasLowS, toLowS } from "../../../src/access_token/low_s.js";
import { isSignedBy, type VerificationKey } from "../../../src/access_token/signature.js";

const p256 = () => generateKeyPairSync("ec", { namedCurve: "P-256" });

const keyOf = async (key: KeyObject, algorithm: string): Promise<VerificationKey> => {
  const publicKey = await importJWK(key.export({ format: "jwk" }), algorithm);
  if (publicKey instanceof Uint8Array) throw new Error("expected a public key");
  return { algorithm, publicKey };
};

const sign = (key: KeyObject): Promise<string> =>
  new CompactSign(Buffer.from("{}"))
    .setProtectedHeader({ alg: "ES256", kid: "key", typ: "at+jwt" })
    .sign(key);

/** The same token with the low or the high one of its two signatures. */
const spelled = (token: string, low: boolean): string => {
  const [header, payload, encoded = ""] = token.split(".");
  const signature = Buffer.from(encoded, "base64url");
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const lower = toLowS(signature);
  const s = BigInt(`0x${lower.subarray(32).toString("hex")}`);
  const upper = Buffer.concat([
    lower.subarray(0, 32),
    Buffer.from((order - s).toString(16).padStart(64, "0"), "hex"),
  ]);
  expect([hasLowS(lower), hasLowS(upper)]).toEqual([true, false]);
  return `${header}.${payload}.${(low ? lower : upper).toString("base64url")}`;
};

const check = async (key: VerificationKey, token: string): Promise<boolean> => {
  const form = parseCompactToken(token);
  if (form === undefined) throw new Error("the token has not even the right form");
  return isSignedBy(key, token, form);
};

test("D3: a token is signed by its key, by no other, and in one spelling", async () => {
  const [ours, theirs] = [p256(), p256()];
  const key = await keyOf(ours.publicKey, "ES256");
  const token = await sign(ours.privateKey);
  expect(await check(key, spelled(token, true))).toBe(true);
  expect(await check(key, spelled(token, false))).toBe(false);
  expect(await check(key, spelled(await sign(theirs.privateKey), true))).toBe(false);
});

test("D3: a key is for one algorithm, whatever a token says", async () => {
  const { publicKey, privateKey } = p256();
  const key = await keyOf(publicKey, "ES256");
  const token = spelled(await sign(privateKey), true);
  expect(await check({ ...key, algorithm: "EdDSA" }, token)).toBe(false);
});

test("a key that cannot check anything is a defect, not a bad token", async () => {
  const { privateKey } = p256();
  const signingKey = await importJWK(privateKey.export({ format: "jwk" }), "ES256");
  if (signingKey instanceof Uint8Array) throw new Error("expected a key");
  const token = spelled(await sign(privateKey), true);
  const broken = { algorithm: "ES256", publicKey: signingKey };
  await expect(check(broken, token)).rejects.toThrow(TypeError);
});
