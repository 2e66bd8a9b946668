import type { ServiceKey, ServiceKeyStore, ServiceScope } from "../core/ports/service_key_store.js";
import { type Database, run } from "./database.js";

interface ServiceKeyRow {
  key_id: string;
  name: string;
  hash: string;
  scopes: ServiceScope[];
  created_at: Date;
  revoked_at: Date | null;
}

const fromRow = (row: ServiceKeyRow): ServiceKey => ({
  id: row.key_id,
  name: row.name,
  hash: row.hash,
  scopes: row.scopes,
  createdAt: row.created_at.getTime(),
  revokedAt: row.revoked_at?.getTime(),
});

export const postgresServiceKeyStore = (database: Database): ServiceKeyStore => ({
  async create(key) {
    await run(
      database("service_keys").insert({
        key_id: key.id,
        name: key.name,
        hash: key.hash,
        scopes: key.scopes,
        created_at: new Date(key.createdAt),
      }),
    );
  },
  async list() {
    const rows = await run(
      database<ServiceKeyRow>("service_keys").orderBy(["created_at", "key_id"]),
    );
    return rows.map(fromRow);
  },
  async revoke(keyId, at) {
    const changed = await run(
      database("service_keys")
        .where("key_id", keyId)
        .whereNull("revoked_at")
        .update({ revoked_at: new Date(at) }),
    );
    return changed > 0;
  },
});
