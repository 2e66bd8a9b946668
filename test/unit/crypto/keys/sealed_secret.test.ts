import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isSealed, openSecret, sealSecret } from "../../../../src/crypto/keys/sealed_secret.js";

const encryptionKey = randomBytes(32);
const secret = Buffer.from("the secret");

test("what was sealed is what is opened", () => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array({ minLength: 1 }), (kid, bytes) => {
      for (const key of [undefined, encryptionKey]) {
        const stored = sealSecret(kid, bytes, key);
        expect(isSealed(stored)).toBe(key !== undefined);
        expect(openSecret(kid, stored, key)).toEqual(Buffer.from(bytes));
      }
    }),
  );
});

test("D6: a sealed secret does not show, and never looks the same twice", () => {
  const stored = sealSecret("k1", secret, encryptionKey);
  expect(stored.includes(secret)).toBe(false);
  expect(stored).not.toEqual(sealSecret("k1", secret, encryptionKey));
});

test("a key stored in clear opens after KEY_ENCRYPTION_KEY was set", () => {
  expect(openSecret("k1", sealSecret("k1", secret, undefined), encryptionKey)).toEqual(secret);
});

describe("what cannot be opened is named, with the way out", () => {
  const stored = sealSecret("k1", secret, encryptionKey);

  test("another KEY_ENCRYPTION_KEY", () => {
    expect(() => openSecret("k1", stored, randomBytes(32))).toThrow(
      /key k1 cannot be opened with this KEY_ENCRYPTION_KEY.*value it had/,
    );
  });

  test("no KEY_ENCRYPTION_KEY", () => {
    expect(() => openSecret("k1", stored, undefined)).toThrow(
      /key k1 is encrypted and KEY_ENCRYPTION_KEY is not set/,
    );
  });

  test("a secret moved to another key", () => {
    expect(() => openSecret("k2", stored, encryptionKey)).toThrow(/key k2 cannot be opened/);
  });

  test("any changed bit", () => {
    for (let bit = 0; bit < stored.length * 8; bit += 1) {
      const changed = Buffer.from(stored);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      // The lowest bit of the format byte says "in clear": that opens, but as no key.
      if (bit === 0) {
        expect(openSecret("k1", changed, encryptionKey)).not.toEqual(secret);
      } else {
        expect(() => openSecret("k1", changed, encryptionKey)).toThrow(/key k1/);
      }
    }
  });

  test.each([0, 1, 29])("only %s bytes", (length) => {
    const cut = stored.subarray(0, length);
    expect(() => openSecret("k1", cut, encryptionKey)).toThrow(/key k1 is damaged/);
  });
});
