import { randomUUID } from "node:crypto";
import type { AuditLog } from "../../../src/core/ports/audit_log.js";
import type { ReplicaRegistry } from "../../../src/core/ports/replica_registry.js";
import type { SessionStore } from "../../../src/core/ports/session_store.js";
import { postgresAuditLog } from "../../../src/postgres/audit_log.js";
import type { Database } from "../../../src/postgres/database.js";
import { postgresReplicaRegistry } from "../../../src/postgres/replica_registry.js";
import { postgresSessionStore } from "../../../src/postgres/session_store.js";

/** Two replicas' stores on one database. */
export interface SessionStores {
  readonly parallelTransactions: boolean;
  readonly one: SessionStore;
  readonly two: SessionStore;
  readonly audit: AuditLog;
  readonly databases: readonly [Database, Database];
  /** The registry as one more replica sees it. */
  joinRegistry(): ReplicaRegistry;
}

export const sessionStores = (
  databases: readonly [Database, Database],
  parallelTransactions: boolean,
): SessionStores => ({
  parallelTransactions,
  one: postgresSessionStore(databases[0]),
  two: postgresSessionStore(databases[1]),
  audit: postgresAuditLog(databases[0]),
  databases,
  joinRegistry: () => postgresReplicaRegistry(databases[0], randomUUID()),
});
