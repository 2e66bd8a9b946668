import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isSealed } from "../../../src/crypto/keys/sealed_secret.js";
import { createRefreshTokenCodec } from "../../../src/crypto/refresh_token_codec.js";
import {
  ALGORITHMS,
  CLAIMS,
  createManualClock,
  MINUTE,
  openReplica,
  SESSION_ID,
} from "./fixtures.js";
import { createMemoryKeyStore } from "./memory_key_store.js";

const encryptionKey = randomBytes(32);

describe("first start", () => {
  test.each(ALGORITHMS)("%s: makes one signing key and one refresh key", async (algorithm) => {
    const { store, keys } = await openReplica({ algorithm });
    const rows = [...store.rows.values()].map(({ use, algorithm: alg, state }) => [
      use,
      alg,
      state,
    ]);
    expect(rows).toEqual([
      ["sign", algorithm, "active"],
      ["refresh", "HS256", "active"],
    ]);
    expect(keys.signer().algorithm).toBe(algorithm);
  });

  test("many replicas at once come to the same keys", async () => {
    const store = createMemoryKeyStore();
    const replicas = await Promise.all(Array.from({ length: 6 }, () => openReplica({}, store)));
    expect(new Set(replicas.map(({ keys }) => keys.signer().kid)).size).toBe(1);
    expect(new Set(replicas.map(({ keys }) => keys.refreshKeys().current.kid)).size).toBe(1);
    expect(store.rows.size).toBe(2);
  });

  test("a restart finds the same keys", async () => {
    const before = await openReplica();
    const after = await openReplica({}, before.store);
    expect(await after.verifier.verify(await before.signer.sign(CLAIMS))).toEqual(CLAIMS);
  });
});

describe("JWKS", () => {
  const members = {
    EdDSA: ["kty", "crv", "x", "kid", "use", "alg"],
    ES256: ["kty", "crv", "x", "y", "kid", "use", "alg"],
    RS256: ["kty", "n", "e", "kid", "use", "alg"],
  };
  test.each(ALGORITHMS)("D6: %s: holds the public members and no other", async (algorithm) => {
    const { keys } = await openReplica({ algorithm });
    const [jwk, ...others] = keys.jwks();
    expect(others).toEqual([]);
    expect(Object.keys(jwk ?? {})).toEqual(members[algorithm]);
    expect(jwk).toMatchObject({ kid: keys.signer().kid, use: "sig", alg: algorithm });
  });
});

describe("KEY_ENCRYPTION_KEY", () => {
  test("D6: with it no stored secret is in clear", async () => {
    const { store } = await openReplica({ encryptionKey });
    for (const { secret } of store.rows.values()) {
      expect(isSealed(secret)).toBe(true);
      expect(Buffer.from(secret).toString("latin1")).not.toMatch(/"d"/);
    }
  });

  test("another one stops the start and names the key", async () => {
    const { store, keys } = await openReplica({ encryptionKey });
    const { kid } = keys.signer();
    const start = openReplica({ encryptionKey: randomBytes(32) }, store);
    await expect(start).rejects.toThrow(`Stored key ${kid} cannot be opened`);
  });

  test("none stops the start when keys are encrypted", async () => {
    const { store, keys } = await openReplica({ encryptionKey });
    await expect(openReplica({}, store)).rejects.toThrow(
      `Stored key ${keys.signer().kid} is encrypted and KEY_ENCRYPTION_KEY is not set`,
    );
  });

  test("D6: setting it later encrypts what was in clear, and tokens stay good", async () => {
    const before = await openReplica();
    const token = await before.signer.sign(CLAIMS);
    const after = await openReplica({ encryptionKey }, before.store);
    expect([...before.store.rows.values()].every(({ secret }) => isSealed(secret))).toBe(true);
    expect(await after.verifier.verify(token)).toEqual(CLAIMS);
    const again = await openReplica({ encryptionKey }, before.store);
    expect(again.keys.signer().kid).toBe(before.keys.signer().kid);
  });

  test("D6: where it is required nothing is stored without it", async () => {
    const store = createMemoryKeyStore();
    await expect(openReplica({ requireEncryption: true }, store)).rejects.toThrow(
      /would be stored in clear\. Set KEY_ENCRYPTION_KEY/,
    );
    expect(store.rows.size).toBe(0);
    await openReplica({ requireEncryption: true, encryptionKey }, store);
    expect(store.rows.size).toBe(2);
  });

  test("a secret swapped with another key's, or of another algorithm, stops the start", async () => {
    const { store, keys } = await openReplica({ encryptionKey });
    const other = await openReplica({ encryptionKey, algorithm: "ES256" });
    const { kid } = keys.signer();
    const row = store.rows.get(kid);
    const foreign = other.store.rows.get(other.keys.signer().kid);
    if (row === undefined || foreign === undefined) {
      throw new Error("both keys are stored");
    }
    store.rows.set(kid, { ...row, secret: foreign.secret });
    await expect(openReplica({ encryptionKey }, store)).rejects.toThrow(/cannot be opened/);
    store.rows.set(kid, { ...row, algorithm: "RS256" });
    await expect(openReplica({ encryptionKey, algorithm: "RS256" }, store)).rejects.toThrow(
      `Stored key ${kid} is damaged: it is not a key for RS256.`,
    );
  });
});

describe("reload", () => {
  test("a failure keeps the old keys", async () => {
    const { store, keys, signer, verifier } = await openReplica();
    const token = await signer.sign(CLAIMS);
    store.broken = new Error("down");
    await expect(keys.reload()).rejects.toThrow("down");
    expect(await verifier.verify(token)).toEqual(CLAIMS);
    expect(await verifier.verify(await signer.sign(CLAIMS))).toEqual(CLAIMS);
    store.broken = undefined;
    await expect(keys.reload()).resolves.toBeUndefined();
  });

  test("unchanged keys keep their objects", async () => {
    const { keys } = await openReplica();
    const { kid } = keys.signer();
    const before = keys.verificationKey(kid);
    await keys.reload();
    expect(before).toBeDefined();
    expect(keys.verificationKey(kid)).toBe(before);
  });

  test("names of Object's own members are no keys", async () => {
    const { keys } = await openReplica();
    for (const kid of ["__proto__", "constructor", "toString", ""]) {
      expect(keys.verificationKey(kid)).toBeUndefined();
    }
  });
});

describe("a change of JWT_ALGORITHM", () => {
  test("publishes the new key first, then signs with it; both kinds of token are good", async () => {
    const clock = createManualClock();
    const old = await openReplica({ clock });
    const oldToken = await old.signer.sign(CLAIMS);
    const { store } = old;

    const replica = await openReplica({ clock, algorithm: "ES256" }, store);
    expect(replica.keys.signer().algorithm).toBe("EdDSA");
    expect(replica.keys.jwks().map(({ alg }) => alg)).toEqual(["EdDSA", "ES256"]);

    clock.advance(10 * MINUTE);
    await replica.keys.reload();
    expect(replica.keys.signer().algorithm).toBe("ES256");
    const newToken = await replica.signer.sign(CLAIMS);
    expect(await replica.verifier.verify(oldToken)).toEqual(CLAIMS);
    expect(await replica.verifier.verify(newToken)).toEqual(CLAIMS);

    // A replica that still has the old setting follows, and does not fight.
    await old.keys.reload();
    expect(old.keys.signer().algorithm).toBe("ES256");
    expect(await old.verifier.verify(newToken)).toEqual(CLAIMS);
    expect([...store.rows.values()].map(({ state }) => state).sort()).toEqual([
      "active",
      "active",
      "retiring",
    ]);
  });

  test("replicas that start at once with the new setting make one key", async () => {
    const { store } = await openReplica();
    const restart = () => openReplica({ algorithm: "RS256" }, store);
    await Promise.all([restart(), restart(), restart()]);
    const made = [...store.rows.values()].filter(({ algorithm }) => algorithm === "RS256");
    expect(made.map(({ state }) => state)).toEqual(["next"]);
  });
});

describe("JWT_KEYS_DIR", () => {
  async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), "curfew-keyring-"));
    try {
      await work(directory);
    } finally {
      await rm(directory, { recursive: true });
    }
  }
  const putKey = (directory: string, name: string) =>
    writeFile(
      join(directory, name),
      generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }),
    );
  const putRefreshKey = (directory: string) =>
    writeFile(join(directory, "refresh.key"), randomBytes(32).toString("base64"));

  test("with all keys in files nothing is stored", () =>
    withDirectory(async (directory) => {
      await putKey(directory, "a.pem");
      await putRefreshKey(directory);
      const store = createMemoryKeyStore();
      const { keys, signer, verifier } = await openReplica(
        { directory, requireEncryption: true },
        store,
      );
      expect(keys.signer().kid).toBe("a");
      expect(await verifier.verify(await signer.sign(CLAIMS))).toEqual(CLAIMS);
      const codec = createRefreshTokenCodec(keys);
      const content = { sessionId: SESSION_ID, generation: 3 };
      expect(codec.parse(codec.mint(content))).toMatchObject(content);
      expect(store.rows.size).toBe(0);
    }));

  test("without a refresh.key that one key comes from the store", () =>
    withDirectory(async (directory) => {
      await putKey(directory, "a.pem");
      const { store } = await openReplica({ directory });
      expect([...store.rows.values()].map(({ use }) => use)).toEqual(["refresh"]);
      const secured = openReplica({ directory, requireEncryption: true });
      await expect(secured).rejects.toThrow(/put a refresh\.key into JWT_KEYS_DIR/);
    }));

  test("a new file signs after a reload, and old tokens stay good", () =>
    withDirectory(async (directory) => {
      await putKey(directory, "a.pem");
      await putRefreshKey(directory);
      const { keys, signer, verifier } = await openReplica({ directory });
      const token = await signer.sign(CLAIMS);
      await putKey(directory, "b.pem");
      await keys.reload();
      expect(keys.signer().kid).toBe("b");
      expect(await verifier.verify(token)).toEqual(CLAIMS);
      expect(await verifier.verify(await signer.sign(CLAIMS))).toEqual(CLAIMS);

      await rm(join(directory, "a.pem"));
      await keys.reload();
      expect(await verifier.verify(token)).toBeUndefined();
    }));

  test("another key under an old name is another key", () =>
    withDirectory(async (directory) => {
      await putKey(directory, "a.pem");
      await putRefreshKey(directory);
      const { keys, signer, verifier } = await openReplica({ directory });
      const token = await signer.sign(CLAIMS);
      expect(await verifier.verify(token)).toEqual(CLAIMS);
      await putKey(directory, "a.pem");
      await keys.reload();
      expect(await verifier.verify(token)).toBeUndefined();
    }));
});
