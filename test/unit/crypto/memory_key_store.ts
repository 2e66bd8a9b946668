import type { AuditEvent } from "../../../src/core/events/audit_event.js";
import { KEY_STATES, type KeyStore, type StoredKey } from "../../../src/core/ports/key_store.js";

/** Keeps keys in memory, as the port requires; `broken` makes every call reject. */
export interface MemoryKeyStore extends KeyStore {
  readonly rows: Map<string, StoredKey>;
  broken: Error | undefined;
  /** The recorded events of changes. */
  readonly events: AuditEvent[];
  /** How often keys were read. */
  reads: number;
}

export function createMemoryKeyStore(): MemoryKeyStore {
  const rows = new Map<string, StoredKey>();

  const store: MemoryKeyStore = {
    rows,
    broken: undefined,
    events: [],
    reads: 0,
    async list() {
      store.reads += 1;
      await up();
      return [...rows.values()].sort((a, b) => a.createdAt - b.createdAt);
    },
    async insertIfNone(key, event) {
      await up();
      const rivals = [...rows.values()].filter(
        ({ use, algorithm, state }) =>
          use === key.use &&
          algorithm === key.algorithm &&
          (state === "next" || state === "active"),
      );
      if (rivals.length === 0) {
        rows.set(key.kid, key);
        store.events.push(event);
      }
      return rivals.at(-1) ?? key;
    },
    async change({ insert, moves = [], event }) {
      await up();
      if (insert !== undefined) {
        if (rows.has(insert.kid)) {
          throw new Error(`kid ${insert.kid} is taken`);
        }
        rows.set(insert.kid, insert);
      }
      let isChanged = insert !== undefined;
      for (const { kid, to, at } of moves) {
        const row = rows.get(kid);
        if (row !== undefined && KEY_STATES.indexOf(row.state) < KEY_STATES.indexOf(to)) {
          const time = { active: "activatedAt", retiring: "retiringAt", retired: "retiredAt" }[to];
          rows.set(kid, { ...row, state: to, [time]: at });
          isChanged = true;
        }
      }
      if (isChanged) {
        store.events.push(event);
      }
      return isChanged;
    },
    async noteTokenLife(kid, tokenMs) {
      await up();
      const row = rows.get(kid);
      if (row !== undefined) {
        rows.set(kid, { ...row, tokenMs: Math.max(row.tokenMs ?? 0, tokenMs) });
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
