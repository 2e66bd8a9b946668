import { describe, expect, test } from "vitest";
import type { AuditEvent } from "../../src/core/events/audit_event.js";
import {
  KEY_STATES,
  type KeyMove,
  type KeyStore,
  type StoredKey,
} from "../../src/core/ports/key_store.js";
import { postgresKeyStore } from "../../src/postgres/key_store.js";
import type { Engine } from "./primary_store.js";
import { NOW } from "./samples.js";
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
  tokenMs: 0,
  ...given,
});

const EVENT: AuditEvent = { type: "SIGNING_KEY_CHANGED", at: NOW };
const insert = (store: KeyStore, key: StoredKey) => store.change({ insert: key, event: EVENT });
const move = (store: KeyStore, kid: string, to: KeyMove["to"], at: number) =>
  store.change({ moves: [{ kid, to, at }], event: EVENT });

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
      await insert(one, newer);
      await insert(one, older);
      expect(await two.list()).toEqual([older, { ...newer, retiringAt: undefined }]);
    });

    test("a kid is taken once", async () => {
      const [one] = stores();
      await insert(one, newKey("a"));
      await expect(insert(one, newKey("a", { createdAt: NOW + 1 }))).rejects.toThrow();
      expect(await one.list()).toHaveLength(1);
    });

    test("of many replicas that start at once one makes the key, and all get it", async () => {
      const [one, two] = stores();
      const chosen = await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          (i % 2 ? one : two).insertIfNone(newKey(`key-${i}`), EVENT),
        ),
      );
      const listed = await one.list();
      expect(listed).toHaveLength(1);
      expect(new Set(chosen.map(({ kid }) => kid))).toEqual(new Set([listed[0]?.kid]));
    });

    test("a key of another use or algorithm, or on its way out, is none", async () => {
      const [one] = stores();
      const key = newKey("new", { state: "next" });
      await insert(one, newKey("other use", { use: "refresh" }));
      await insert(one, newKey("other algorithm", { algorithm: "ES256" }));
      await insert(one, newKey("retiring", { state: "retiring" }));
      await insert(one, newKey("retired", { state: "retired" }));
      expect((await one.insertIfNone(key, EVENT)).kid).toBe("new");
      expect((await one.insertIfNone(newKey("later"), EVENT)).kid).toBe("new");
      await insert(one, newKey("newest", { createdAt: NOW + 5 }));
      expect((await one.insertIfNone(newKey("later"), EVENT)).kid).toBe("newest");
    });

    test("states only go on, whatever order the changes come in", async () => {
      const [one, two] = stores();
      await insert(one, newKey("a", { state: "next", activatedAt: undefined }));
      const stateOf = async () => (await two.list())[0];
      await move(one, "a", "active", NOW + 1);
      await move(two, "a", "active", NOW + 9);
      expect(await stateOf()).toMatchObject({ state: "active", activatedAt: NOW + 1 });
      await Promise.all([
        move(one, "a", "retired", NOW + 3),
        move(two, "a", "retiring", NOW + 2),
        move(one, "a", "active", NOW + 9),
      ]);
      expect(await stateOf()).toMatchObject({
        state: "retired",
        activatedAt: NOW + 1,
        retiredAt: NOW + 3,
      });
      for (const state of KEY_STATES.slice(1)) await move(one, "a", state as "active", NOW + 9);
      expect(await stateOf()).toMatchObject({ state: "retired", retiredAt: NOW + 3 });
      await move(one, "nobody", "retired", NOW);
    });

    test("D7: a change is one event with its key, and none when nothing has changed", async () => {
      const [one, two] = stores();
      const count = async () => {
        const [row] = await databases()[0]("audit_events").count({ count: "event_id" });
        return Number(row?.count);
      };
      await insert(one, newKey("a", { state: "next" }));
      await Promise.all([one, two].map((store) => move(store, "a", "active", NOW)));
      await move(one, "a", "active", NOW + 1);
      await move(one, "nobody", "retired", NOW);
      expect(await count()).toBe(2);
      await Promise.all([one, two].map((store) => store.insertIfNone(newKey("b"), EVENT)));
      expect(await count()).toBe(2);
    });

    test("the longest life of a key's tokens stays", async () => {
      const [one, two] = stores();
      await insert(one, newKey("a"));
      for (const ms of [60_000, 5000, 9_000_000_000, 60_000]) await two.noteTokenLife("a", ms);
      expect((await one.list())[0]?.tokenMs).toBe(9_000_000_000);
      await one.noteTokenLife("nobody", 1);
    });

    test("a secret is replaced, and nothing else of the key", async () => {
      const [one, two] = stores();
      await insert(one, newKey("a"));
      await insert(one, newKey("b"));
      const before = await one.list();
      const secret = Uint8Array.from({ length: 300 }, (_, i) => i % 256);
      await one.replaceSecret("b", secret);
      expect(await two.list()).toEqual([before[0], { ...before[1], secret }]);
    });
  });
};
