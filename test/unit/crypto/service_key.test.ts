import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  isServiceKeyHash,
  mintServiceKey,
  parseServiceKey,
} from "../../../src/crypto/service_key.js";

const ID = "018f3c5e-7d2a-7c3b-9a4e-5f6071829304";

test("what was minted is what is parsed", () => {
  const { id, text, hash } = mintServiceKey(ID);
  expect(id).toBe(ID);
  expect(text).toMatch(/^cfs_[\w-]{64}$/);
  expect(hash).toBe(createHash("sha256").update(text).digest("hex"));
  expect(parseServiceKey(text)).toEqual({ id, hash });
});

test("two keys of one id differ, and so do their hashes", () => {
  const [a, b] = [mintServiceKey(ID), mintServiceKey(ID)];
  expect(a.text).not.toBe(b.text);
  expect(isServiceKeyHash(a.hash, b.hash)).toBe(false);
  expect(isServiceKeyHash(a.hash, a.hash)).toBe(true);
});

test("hashes that are none are no match", () => {
  const { hash } = mintServiceKey();
  expect(isServiceKeyHash(hash, "")).toBe(false);
  expect(isServiceKeyHash("", "")).toBe(false);
  expect(isServiceKeyHash(hash, hash.slice(0, -2))).toBe(false);
});

test("an id that is no UUID is not minted", () => {
  expect(() => mintServiceKey("billing")).toThrow(RangeError);
});

test("other text is no service key", () => {
  const { text } = mintServiceKey();
  const others = ["", "cfs_", text.slice(4), `cfr_${text.slice(4)}`, `${text}A`, ` ${text}`];
  for (const other of [...others, `${text.slice(0, -1)}=`, `${text.slice(0, -1)}\n`]) {
    expect(parseServiceKey(other)).toBeUndefined();
  }
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (other) => {
      expect(parseServiceKey(`cfs_${other}`)).toBeUndefined();
    }),
  );
});
