import type { Database } from "../../src/postgres/database.js";

/** A migrated database to run contract suites on. */
export interface PrimaryStore {
  /** A new pool of connections, as one more replica has; closed with the primary store. */
  connect(): Database;
  close(): Promise<void>;
}

/** An engine that the suites are run on. */
export interface Engine {
  readonly name: string;
  /** False where transactions are served one after the other, so that none can wait for another. */
  readonly parallelTransactions: boolean;
  open(): Promise<PrimaryStore>;
}

/** Empties every table. */
export const emptyTables = async (database: Database): Promise<void> => {
  await database.raw(`TRUNCATE users, sessions, replicas, hot_epochs, keys, service_keys,
    audit_events, login_throttle, event_followers, known_devices, job_leases, session_census,
    identities, session_requests, used_subject_tokens
    RESTART IDENTITY`);
  await database.raw("ALTER SEQUENCE session_revision RESTART");
};
