import { describe, expect, test } from "vitest";
import { KEY_STATES, type StoredKey } from "../../src/core/ports/key_store.js";
import { postgresKeyStore } from "../../src/postgres/key_store.js";
import { NOW } from "./samples.js";
import type { Engine } from "./truth.js";
import { useDatabases } from "./use_databases.js";

const newKey = (kid: string, given: Partial<StoredKey> = {}): StoredKey => ({
  kid,
  use: "sign",
  algorithm: "EdDSA",
  state: "active",
  publicJwk: { kty: "OKP", crv: "Ed25519", x: kid },
  secret: Uint8Array.from([0, 1, 2, 255, 0]),
  createdAt: NOW,
  activatedAt: NOW,
  ...given,
});

/** What every store of keys must do. */
export const describeKeyStore = (engine: Engine): void => {
  describe(`key store on ${engine.name}`, () => {
    const databases = useDatabases(engine);
    const stores = () => databases().map(postgresKeyStore) as [Store, Store];
    type Store = ReturnType<typeof postgresKeyStore>;

    test("a key comes back as it was put in, and keys come oldest first", async () => {
      const [one, two] = stores();
      const older = newKey("b", {
        use: "refresh",
        algorithm: "HS256",
        publicJwk: undefined,
        createdAt: NOW - 1000,
        retiringAt: NOW + 1,
        retiredAt: NOW + 2,
      });
      const newer = newKey("a");
      await one.insert(newer);
      await one.insert(older);
      expect(await two.list()).toEqual([older, { ...newer, retiringAt: undefined }]);
    });

    test("a kid is taken once", async () => {
      const [one] = stores();
      await one.insert(newKey("a"));
      await expect(one.insert(newKey("a", { createdAt: NOW + 1 }))).rejects.toThrow();
      expect(await one.list()).toHaveLength(1);
    });

    test("of many replicas that start at once one makes the key, and all get it", async () => {
      const [one, two] = stores();
      const chosen = await Promise.all(
        Array.from({ length: 10 }, (_, i) => (i % 2 ? one : two).insertIfNone(newKey(`key-${i}`))),
      );
      const listed = await one.list();
      expect(listed).toHaveLength(1);
      expect(new Set(chosen.map(({ kid }) => kid))).toEqual(new Set([listed[0]?.kid]));
    });

    test("a key of another use or algorithm, or on its way out, is none", async () => {
      const [one] = stores();
      const key = newKey("new", { state: "next" });
      await one.insert(newKey("other use", { use: "refresh" }));
      await one.insert(newKey("other algorithm", { algorithm: "ES256" }));
      await one.insert(newKey("retiring", { state: "retiring" }));
      await one.insert(newKey("retired", { state: "retired" }));
      expect((await one.insertIfNone(key)).kid).toBe("new");
      expect((await one.insertIfNone(newKey("later"))).kid).toBe("new");
      await one.insert(newKey("newest", { createdAt: NOW + 5 }));
      expect((await one.insertIfNone(newKey("later"))).kid).toBe("newest");
    });

    test("states only go on, whatever order the changes come in", async () => {
      const [one, two] = stores();
      await one.insert(newKey("a", { state: "next", activatedAt: undefined }));
      const stateOf = async () => (await two.list())[0];
      await one.setState("a", "active", NOW + 1);
      await two.setState("a", "active", NOW + 9);
      expect(await stateOf()).toMatchObject({ state: "active", activatedAt: NOW + 1 });
      await Promise.all([
        one.setState("a", "retired", NOW + 3),
        two.setState("a", "retiring", NOW + 2),
        one.setState("a", "active", NOW + 9),
      ]);
      expect(await stateOf()).toMatchObject({
        state: "retired",
        activatedAt: NOW + 1,
        retiredAt: NOW + 3,
      });
      for (const state of KEY_STATES.slice(1)) await one.setState("a", state as "active", NOW + 9);
      expect(await stateOf()).toMatchObject({ state: "retired", retiredAt: NOW + 3 });
      await one.setState("nobody", "retired", NOW);
    });

    test("a secret is replaced, and nothing else of the key", async () => {
      const [one, two] = stores();
      await one.insert(newKey("a"));
      await one.insert(newKey("b"));
      const before = await one.list();
      const secret = Uint8Array.from({ length: 300 }, (_, i) => i % 256);
      await one.replaceSecret("b", secret);
      expect(await two.list()).toEqual([before[0], { ...before[1], secret }]);
    });
  });
};
