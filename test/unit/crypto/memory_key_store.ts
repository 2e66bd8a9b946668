import { KEY_STATES, type KeyStore, type StoredKey } from "../../../src/core/ports/key_store.js";

/** Keeps keys in memory, as the port asks; `broken` makes every call reject. */
export interface MemoryKeyStore extends KeyStore {
  readonly rows: Map<string, StoredKey>;
  broken: Error | undefined;
  /** How often keys were read. */
  reads: number;
}

export function createMemoryKeyStore(): MemoryKeyStore {
  const rows = new Map<string, StoredKey>();

  const store: MemoryKeyStore = {
    rows,
    broken: undefined,
    reads: 0,
    async list() {
      store.reads += 1;
      await up();
      return [...rows.values()].sort((a, b) => a.createdAt - b.createdAt);
    },
    async insertIfNone(key) {
      await up();
      const rivals = [...rows.values()].filter(
        ({ use, algorithm, state }) =>
          use === key.use &&
          algorithm === key.algorithm &&
          (state === "next" || state === "active"),
      );
      if (rivals.length === 0) {
        rows.set(key.kid, key);
      }
      return rivals.at(-1) ?? key;
    },
    async insert(key) {
      await up();
      if (rows.has(key.kid)) {
        throw new Error(`kid ${key.kid} is taken`);
      }
      rows.set(key.kid, key);
    },
    async setState(kid, state, at) {
      await up();
      const row = rows.get(kid);
      if (row !== undefined && KEY_STATES.indexOf(row.state) < KEY_STATES.indexOf(state)) {
        const time = { active: "activatedAt", retiring: "retiringAt", retired: "retiredAt" }[state];
        rows.set(kid, { ...row, state, [time]: at });
      }
    },
    async replaceSecret(kid, secret) {
      await up();
      const row = rows.get(kid);
      if (row !== undefined) {
        rows.set(kid, { ...row, secret });
      }
    },
  };

  async function up(): Promise<void> {
    if (store.broken !== undefined) {
      throw store.broken;
    }
  }
  return store;
}
