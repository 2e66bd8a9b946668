import { describe, expect, test } from "vitest";
import type { StoredKey } from "../../../../src/core/ports/key_store.js";
import { currentKey, dueTransitions } from "../../../../src/crypto/keys/key_lifecycle.js";

const key = (
  kid: string,
  state: StoredKey["state"],
  createdAt: number,
  more: Partial<StoredKey> = {},
): StoredKey => ({
  kid,
  use: "sign",
  algorithm: "EdDSA",
  state,
  secret: Buffer.of(),
  createdAt,
  ...more,
});

describe("the current key", () => {
  test("is the one that became active last, not the one that was made last", () => {
    const keys = [
      key("made-last", "active", 2, { activatedAt: 5 }),
      key("active-last", "active", 1, { activatedAt: 9 }),
    ];
    expect(currentKey(keys, "EdDSA")?.kid).toBe("active-last");
  });

  test("is never one that only waits or retires", () => {
    expect(currentKey([key("a", "next", 1), key("b", "retiring", 2)], "EdDSA")).toBeUndefined();
  });

  test("is of the wanted algorithm, else the newest there is", () => {
    const keys = [key("ed", "active", 1), key("es", "active", 2, { algorithm: "ES256" })];
    expect(currentKey(keys, "EdDSA")?.kid).toBe("ed");
    expect(currentKey(keys, "ES256")?.kid).toBe("es");
    expect(currentKey(keys, "RS256")?.kid).toBe("es");
  });
});

describe("what is due", () => {
  const active = key("old", "active", 0, { activatedAt: 0 });

  test("nothing, while the next key is not known everywhere", () => {
    expect(dueTransitions([active, key("new", "next", 100)], "EdDSA", 99)).toEqual([]);
  });

  test("the next key signs, the one before stops", () => {
    expect(dueTransitions([active, key("new", "next", 100)], "EdDSA", 100)).toEqual([
      { kid: "new", to: "active" },
      { kid: "old", to: "retiring" },
    ]);
  });

  test("of two next keys the newer signs and the older never does", () => {
    const keys = [active, key("b", "next", 100), key("c", "next", 101)];
    expect(dueTransitions(keys, "EdDSA", 200)).toEqual([
      { kid: "c", to: "active" },
      { kid: "old", to: "retiring" },
      { kid: "b", to: "retired" },
    ]);
  });

  test("a key made before the one that signs never takes its place", () => {
    const signing = key("new", "active", 101, { activatedAt: 101 });
    expect(dueTransitions([signing, key("b", "next", 100)], "EdDSA", 200)).toEqual([
      { kid: "b", to: "retired" },
    ]);
  });

  test("a crash between the two steps is made good", () => {
    const keys = [active, key("new", "active", 100, { activatedAt: 200 })];
    expect(dueTransitions(keys, "EdDSA", 0)).toEqual([{ kid: "old", to: "retiring" }]);
  });

  test("replicas of different algorithms do not undo each other's keys", () => {
    const next = key("es", "next", 100, { algorithm: "ES256" });
    expect(dueTransitions([active, next], "EdDSA", 200)).toEqual([]);
    const signing = { ...next, state: "active" as const, activatedAt: 200 };
    expect(dueTransitions([active, signing], "EdDSA", 200)).toEqual([]);
    expect(dueTransitions([active, signing], "ES256", 200)).toEqual([
      { kid: "old", to: "retiring" },
    ]);
  });
});
