import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readKeyDirectory } from "../../../../src/crypto/keys/key_directory.js";

const ed25519 = () => generateKeyPairSync("ed25519").privateKey;
const p256 = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const rsa = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength }).privateKey;
const pem = (key: KeyObject) => key.export({ type: "pkcs8", format: "pem" }).toString();
const spki = (key: KeyObject) =>
  createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
const jwk = (key: KeyObject, more: object = {}) =>
  JSON.stringify({ ...key.export({ format: "jwk" }), ...more });

let directory: string;
const put = (files: Record<string, string>) =>
  Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(directory, name), text)));
const read = (algorithm: "EdDSA" | "ES256" | "RS256" = "EdDSA", isDefault = false) =>
  readKeyDirectory(directory, algorithm, isDefault);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "curfew-keys-"));
});
afterEach(() => rm(directory, { recursive: true }));

describe("which keys there are", () => {
  test("PEM and JWK of all algorithms, under the names of their files", async () => {
    const retired = ed25519();
    await put({
      "2026-01.pem": pem(ed25519()),
      "2026-02.jwk": jwk(p256()),
      "2026-03.json": jwk(rsa(2048)),
      "2026-04": pem(ed25519()),
      "2025-12.pub": spki(retired),
    });
    const { accepted, signer } = await read();
    expect(accepted.map(({ kid, algorithm }) => [kid, algorithm])).toEqual([
      ["2025-12", "EdDSA"],
      ["2026-01", "EdDSA"],
      ["2026-02", "ES256"],
      ["2026-03", "RS256"],
      ["2026-04", "EdDSA"],
    ]);
    expect(signer.kid).toBe("2026-04");
    expect(signer.privateKey.extractable).toBe(false);
  });

  test("a public key may lie beside its private one, on either side by name", async () => {
    const key = ed25519();
    await put({ "k.jwk": jwk(key), "k.a": spki(key), "k.z": spki(key) });
    const { accepted, signer } = await read();
    expect(accepted).toHaveLength(1);
    expect(signer.kid).toBe("k");
  });

  test("folders and names that start with a dot are left out", async () => {
    await mkdir(join(directory, "..data"));
    await mkdir(join(directory, "folder"));
    await put({ ".hidden": "text", "k.pem": pem(ed25519()) });
    expect((await read()).accepted).toHaveLength(1);
  });
});

describe("which key signs", () => {
  test("the last by name of the configured algorithm", async () => {
    await put({ "a.pem": pem(p256()), "b.pem": pem(p256()), "c.pem": pem(ed25519()) });
    expect((await read("ES256")).signer.kid).toBe("b");
  });

  test(`the one that the file "active" names`, async () => {
    await put({ active: "a\n", "a.pem": pem(ed25519()), "b.pem": pem(ed25519()) });
    expect((await read()).signer.kid).toBe("a");
  });

  test("none of the configured algorithm is an error that lists what there is", async () => {
    await put({ "a.pem": pem(p256()), "b.pub": spki(ed25519()) });
    await expect(read("EdDSA")).rejects.toThrow(
      "JWT_KEYS_DIR has no private key for JWT_ALGORITHM EdDSA. Private keys found: a (ES256).",
    );
  });

  describe("where the algorithm is only the default", () => {
    test("the last by name of that algorithm", async () => {
      await put({ "a.pem": pem(p256()), "b.pem": pem(ed25519()) });
      expect((await read("ES256", true)).signer.kid).toBe("a");
    });

    test("the last by name of any, if there is none of that algorithm", async () => {
      await put({ "a.pem": pem(ed25519()), "b.pem": pem(ed25519()) });
      expect((await read("ES256", true)).signer.kid).toBe("b");
    });

    test(`the one that the file "active" names, of any algorithm`, async () => {
      await put({ active: "b", "a.pem": pem(p256()), "b.pem": pem(ed25519()) });
      expect((await read("ES256", true)).signer.kid).toBe("b");
    });
  });

  test(`a name in "active" that is no key is an error`, async () => {
    await put({ active: "z", "a.pem": pem(ed25519()) });
    await expect(read()).rejects.toThrow(/no private key "z", which the file "active" names/);
  });

  test("an empty folder is an error", async () => {
    await expect(read()).rejects.toThrow(/Private keys found: none/);
  });
});

describe("refresh keys", () => {
  test.each(["base64", "base64url", "hex"] as const)("in %s", async (encoding) => {
    const secret = randomBytes(32);
    await put({ "k.pem": pem(ed25519()), "refresh.key": `${secret.toString(encoding)}\n` });
    expect((await read()).refresh?.current.key.export()).toEqual(secret);
  });

  test("earlier ones are accepted, refresh.key is the current one", async () => {
    await put({
      "k.pem": pem(ed25519()),
      "refresh.key": randomBytes(32).toString("base64"),
      "refresh-2025.key": randomBytes(32).toString("base64"),
    });
    const { refresh } = await read();
    expect(refresh?.current.kid).toBe("refresh.key");
    expect(refresh?.all.map(({ kid }) => kid)).toEqual(["refresh-2025.key", "refresh.key"]);
  });

  test("none at all is left to the store", async () => {
    await put({ "k.pem": pem(ed25519()) });
    expect((await read()).refresh).toBeUndefined();
  });

  test.each([
    ["refresh.key", "too short", randomBytes(31).toString("base64"), /has 31 bytes/],
    ["refresh.key", "empty", "", /has 0 bytes/],
    ["refresh.key", "a passphrase", "correct horse battery staple", /openssl rand -base64 32/],
    ["refresh-1.key", "the only one", randomBytes(32).toString("hex"), /but no refresh\.key/],
  ])("%s that is %s is an error", async (name, _, text, message) => {
    await put({ "k.pem": pem(ed25519()), [name]: text });
    await expect(read()).rejects.toThrow(message);
  });
});

describe("what is wrong is said, with the file's name", () => {
  const ec = (namedCurve: string) => pem(generateKeyPairSync("ec", { namedCurve }).privateKey);
  const encrypted = () =>
    ed25519()
      .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
      .toString();
  test.each([
    ["text", () => "secret text", /bad\.pem is not a key/],
    ["nothing", () => "", /bad\.pem is not a key/],
    ["broken JSON", () => "{", /bad\.pem is not a key/],
    ["an HMAC key", () => '{"kty":"oct","k":"c2VjcmV0"}', /bad\.pem is not a key/],
    ["an encrypted key", encrypted, /bad\.pem is not a key.*unencrypted/],
    ["a key of P-384", () => ec("P-384"), /Key bad is a key of type ec \(secp384r1\)/],
    ["a key of secp256k1", () => ec("secp256k1"), /Key bad is a key of type ec/],
    ["a small RSA key", () => pem(rsa(1024)), /RSA of at least 2048 bits/],
    ["an X25519 key", () => pem(generateKeyPairSync("x25519").privateKey), /type x25519/],
    ["another kid inside", () => jwk(ed25519(), { kid: "other" }), /"kid" "other".*Rename/],
  ])("%s", async (_, text, message) => {
    const content = text();
    await put({ "good.pem": pem(ed25519()), "bad.pem": content });
    const error = await read().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: "KeyError", message: expect.stringMatching(message) });
  });

  test("two different keys of one name", async () => {
    await put({ "k.pem": pem(ed25519()), "k.jwk": jwk(ed25519()) });
    await expect(read()).rejects.toThrow(/two different keys have the name k\./);
  });

  test("D6: a message never repeats what is in the file", async () => {
    const secret = randomBytes(24).toString("hex");
    await put({ "good.pem": pem(ed25519()), "bad.jwk": `{"kty":"OKP","d":"${secret}` });
    const error = await read().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Error);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(secret);
  });

  test("a folder that is not there", async () => {
    await expect(readKeyDirectory(join(directory, "none"), "EdDSA")).rejects.toThrow(
      /JWT_KEYS_DIR cannot be read: ENOENT/,
    );
  });
});
