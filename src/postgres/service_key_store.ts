import type { ServiceKey, ServiceKeyStore, ServiceScope } from "../core/ports/service_key_store.js";
import { type Database, databaseFailure } from "./database.js";
import { eventColumns } from "./event_row.js";
import { plannedRows } from "./statements.js";

interface ServiceKeyRow {
  key_id: string;
  name: string;
  hash: string;
  scopes: ServiceScope[];
  created_at: Date;
  revoked_at: Date | null;
}

const LIST = `
  SELECT k.key_id, k.name, k.hash, k.scopes, k.created_at, k.revoked_at
  FROM service_keys k ORDER BY k.created_at, k.key_id`;

const INSERT =
  "INSERT INTO service_keys (key_id, name, hash, scopes, created_at) VALUES (?, ?, ?, ?, ?)";

const REVOKE = `
  UPDATE service_keys SET revoked_at = ? WHERE key_id = ? AND revoked_at IS NULL RETURNING 1`;

const fromRow = (row: ServiceKeyRow): ServiceKey => ({
  id: row.key_id,
  name: row.name,
  hash: row.hash,
  scopes: row.scopes,
  createdAt: row.created_at.getTime(),
  revokedAt: row.revoked_at?.getTime(),
});

export const postgresServiceKeyStore = (database: Database): ServiceKeyStore => ({
  async create(key, event) {
    try {
      await database.transaction(async (trx) => {
        const { id, name, hash, scopes, createdAt } = key;
        await plannedRows(trx)(INSERT, [id, name, hash, [...scopes], new Date(createdAt)]);
        await trx("audit_events").insert(eventColumns(event));
      });
    } catch (error) {
      throw databaseFailure(error);
    }
  },
  async list() {
    return (await plannedRows(database)<ServiceKeyRow>(LIST, [])).map(fromRow);
  },
  async revoke(keyId, at, event) {
    try {
      return await database.transaction(async (trx) => {
        const revoked = await plannedRows(trx)(REVOKE, [new Date(at), keyId]);
        if (revoked.length > 0) await trx("audit_events").insert(eventColumns(event));
        return revoked.length > 0;
      });
    } catch (error) {
      throw databaseFailure(error);
    }
  },
});
