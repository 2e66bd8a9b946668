import { describe, expect, test, vi } from "vitest";
import { createMemoryStore, type KeyValueStore } from "../../../src/client/key_value_store.js";
import { createTokenStorage } from "../../../src/client/token_storage.js";

const stored = {
  id: "s1",
  accessToken: "a",
  refreshToken: "r",
  csrfToken: null,
  expiresAt: 1,
  expiresIn: 900,
  generation: 3,
  session: null,
};

const refuse = () => {
  throw new DOMException("full", "QuotaExceededError");
};

const asynchronous = (store: KeyValueStore): KeyValueStore => ({
  getItem: async (key) => store.getItem(key),
  setItem: async (key, value) => store.setItem(key, value),
  removeItem: async (key) => store.removeItem(key),
});

describe.each([
  ["synchronous", createMemoryStore],
  ["asynchronous", () => asynchronous(createMemoryStore())],
])("%s store", (_kind, makeStore) => {
  test("gives back what was saved, to a later page too", async () => {
    const store = makeStore();
    const storage = createTokenStorage({ store, scope: "origin" });
    expect(await storage.load()).toBeNull();
    await storage.save(stored);
    expect(await storage.load()).toEqual(stored);
    expect(await createTokenStorage({ store, scope: "origin" }).load()).toEqual(stored);
    await storage.clear();
    expect(await storage.load()).toBeNull();
  });
});

test("a slow store is written in order and read after", async () => {
  const memory = createMemoryStore();
  const slow: KeyValueStore = {
    getItem: async (key) => memory.getItem(key),
    setItem: (key, value) =>
      new Promise((resolve) => setImmediate(() => resolve(memory.setItem(key, value)))),
    removeItem: async (key) => memory.removeItem(key),
  };
  const storage = createTokenStorage({ store: slow, scope: "origin" });
  void storage.save(stored);
  expect(await storage.load()).toEqual(stored);
  void storage.save(stored);
  await storage.clear();
  expect(await storage.load()).toBeNull();
  // The rest of the save completes one turn later.
  await new Promise(setImmediate);
  expect(await memory.getItem("access_token")).toBeNull();
});

test("two prefixes do not meet", async () => {
  const store = createMemoryStore();
  await createTokenStorage({ store, scope: "origin" }, "a.").save(stored);
  expect(await createTokenStorage({ store, scope: "origin" }, "b.").load()).toBeNull();
});

test.each([
  ["synchronous", (store: KeyValueStore) => ({ ...store, setItem: refuse })],
  [
    "asynchronous",
    (store: KeyValueStore) => ({ ...asynchronous(store), setItem: async () => refuse() }),
  ],
])("a full %s store does not lose the session of this page", async (_kind, damage) => {
  const storage = createTokenStorage({ store: damage(createMemoryStore()), scope: "origin" });
  await storage.save(stored);
  expect(await storage.load()).toEqual(stored);
  await storage.clear();
  expect(await storage.load()).toBeNull();
});

test("a store that cannot be read for a while signs nobody out", async () => {
  const memory = createMemoryStore();
  const getItem = vi.fn(async (key: string) => memory.getItem(key));
  const storage = createTokenStorage({ store: { ...memory, getItem }, scope: "origin" });
  await storage.save(stored);
  getItem.mockRejectedValueOnce(new Error("locked"));
  expect(await storage.load()).toEqual(stored);
});

test("damaged details leave the tokens", async () => {
  const store = createMemoryStore();
  const storage = createTokenStorage({ store, scope: "origin" });
  await storage.save(stored);
  await store.setItem("curfew_session", "{");
  expect(await storage.load()).toMatchObject({
    accessToken: "a",
    refreshToken: "r",
    csrfToken: null,
    generation: 0,
  });
});
