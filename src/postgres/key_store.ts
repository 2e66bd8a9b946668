import {
  KEY_STATES,
  type KeyState,
  type KeyStore,
  type StoredKey,
} from "../core/ports/key_store.js";
import { type Database, databaseFailure, run } from "./database.js";

/** Any number: who holds it decides which key is the first. */
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
}

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
});

const toRow = (key: StoredKey) => ({
  kid: key.kid,
  use: key.use,
  algorithm: key.algorithm,
  state: key.state,
  public_jwk: key.publicJwk === undefined ? null : JSON.stringify(key.publicJwk),
  secret: Buffer.from(key.secret),
  created_at: new Date(key.createdAt),
  activated_at: date(key.activatedAt),
  retiring_at: date(key.retiringAt),
  retired_at: date(key.retiredAt),
});

/** Signing and refresh keys, shared by all replicas through Postgres. */
export const postgresKeyStore = (database: Database): KeyStore => ({
  async list() {
    return (await run(database<KeyRow>("keys").orderBy(["created_at", "kid"]))).map(fromRow);
  },

  async insertIfNone(key) {
    try {
      return await database.transaction(async (trx) => {
        await trx.raw("SELECT pg_advisory_xact_lock(?)", [KEYS_LOCK]);
        const present = await trx<KeyRow>("keys")
          .where({ use: key.use, algorithm: key.algorithm })
          .whereIn("state", ["next", "active"])
          .orderBy("created_at", "desc")
          .first();
        if (present) return fromRow(present);
        await trx("keys").insert(toRow(key));
        return key;
      });
    } catch (error) {
      throw databaseFailure(error);
    }
  },

  async insert(key) {
    await run(database("keys").insert(toRow(key)));
  },

  async setState(kid, state, at) {
    await run(
      database("keys")
        .where("kid", kid)
        .whereIn("state", KEY_STATES.slice(0, KEY_STATES.indexOf(state)))
        .update({ state, [`${state === "active" ? "activated" : state}_at`]: new Date(at) }),
    );
  },

  async replaceSecret(kid, secret) {
    await run(
      database("keys")
        .where("kid", kid)
        .update({ secret: Buffer.from(secret) }),
    );
  },
});
