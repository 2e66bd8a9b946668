import type { Knex } from "knex";
import {
  KEY_STATES,
  type KeyState,
  type KeyStore,
  type StoredKey,
} from "../core/ports/key_store.js";
import { type Database, databaseFailure } from "./database.js";
import { eventColumns } from "./event_row.js";
import { plannedRows } from "./statements.js";

/** Any number: keys change under it, one change after the other. */
const KEYS_LOCK = 7_302_004;

interface KeyRow {
  kid: string;
  use: StoredKey["use"];
  algorithm: StoredKey["algorithm"];
  state: KeyState;
  public_jwk: Record<string, unknown> | null;
  secret: Buffer;
  created_at: Date;
  activated_at: Date | null;
  retiring_at: Date | null;
  retired_at: Date | null;
  /** bigint, as pg gives it. */
  token_ms: string;
}

const KEY = `k.kid, k.use, k.algorithm, k.state, k.public_jwk, k.secret, k.created_at,
  k.activated_at, k.retiring_at, k.retired_at, k.token_ms`;

const LIST = `SELECT ${KEY} FROM keys k ORDER BY k.created_at, k.kid`;

const PRESENT = `
  SELECT ${KEY} FROM keys k
  WHERE k.use = ? AND k.algorithm = ? AND k.state IN ('next', 'active')
  ORDER BY k.created_at DESC LIMIT 1`;

const INSERT = `
  INSERT INTO keys (kid, use, algorithm, state, public_jwk, secret, created_at, activated_at,
    retiring_at, retired_at, token_ms)
  VALUES (?, ?, ?, ?, ?::jsonb, ?, ?, ?, ?, ?, ?::bigint)`;

const date = (at: number | undefined): Date | null => (at === undefined ? null : new Date(at));

const fromRow = (row: KeyRow): StoredKey => ({
  kid: row.kid,
  use: row.use,
  algorithm: row.algorithm,
  state: row.state,
  publicJwk: row.public_jwk ?? undefined,
  secret: new Uint8Array(row.secret),
  createdAt: row.created_at.getTime(),
  activatedAt: row.activated_at?.getTime(),
  retiringAt: row.retiring_at?.getTime(),
  retiredAt: row.retired_at?.getTime(),
  tokenMs: Number(row.token_ms),
});

const insert = (trx: Knex, key: StoredKey) =>
  plannedRows(trx)(INSERT, [
    key.kid,
    key.use,
    key.algorithm,
    key.state,
    key.publicJwk === undefined ? null : JSON.stringify(key.publicJwk),
    Buffer.from(key.secret),
    new Date(key.createdAt),
    date(key.activatedAt),
    date(key.retiringAt),
    date(key.retiredAt),
    String(key.tokenMs ?? 0),
  ]);

/** Signing and refresh keys, shared by all replicas through Postgres. */
export const postgresKeyStore = (database: Database): KeyStore => {
  const rows = plannedRows(database);

  const locked = async <T>(work: (trx: Knex) => Promise<T>): Promise<T> => {
    try {
      return await database.transaction(async (trx) => {
        await trx.raw("SELECT pg_advisory_xact_lock(?)", [KEYS_LOCK]);
        return work(trx);
      });
    } catch (error) {
      throw databaseFailure(error);
    }
  };

  return {
    async list() {
      return (await rows<KeyRow>(LIST, [])).map(fromRow);
    },

    insertIfNone: (key, event) =>
      locked(async (trx) => {
        const [present] = await plannedRows(trx)<KeyRow>(PRESENT, [key.use, key.algorithm]);
        if (present) return fromRow(present);
        await insert(trx, key);
        await trx("audit_events").insert(eventColumns(event));
        return key;
      }),

    change: ({ insert: added, moves = [], event }) =>
      locked(async (trx) => {
        if (added !== undefined) await insert(trx, added);
        let moved = 0;
        for (const { kid, to, at } of moves) {
          const before = KEY_STATES.slice(0, KEY_STATES.indexOf(to));
          const column = `${to === "active" ? "activated" : to}_at`;
          moved += await trx("keys")
            .where("kid", kid)
            .whereIn("state", before)
            .update({ state: to, [column]: new Date(at) });
        }
        const isChanged = added !== undefined || moved > 0;
        if (isChanged) await trx("audit_events").insert(eventColumns(event));
        return isChanged;
      }),

    async noteTokenLife(kid, tokenMs) {
      await rows("UPDATE keys SET token_ms = ?::bigint WHERE kid = ? AND token_ms < ?::bigint", [
        String(tokenMs),
        kid,
        String(tokenMs),
      ]);
    },

    async replaceSecret(kid, secret) {
      await rows("UPDATE keys SET secret = ? WHERE kid = ?", [Buffer.from(secret), kid]);
    },
  };
};
