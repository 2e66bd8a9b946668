import type { AuditEvent } from "../events/audit_event.js";

/** Keeps the keys of other backends. A key's text is never stored, only its SHA-256. */
export interface ServiceKeyStore {
  /** Stores the key and the event of its creation in one transaction (D7). */
  create(key: ServiceKey, event: AuditEvent): Promise<void>;
  list(): Promise<ServiceKey[]>;
  /** Resolves to whether there was such a key to revoke; if not, no event is written. */
  revoke(keyId: string, at: number, event: AuditEvent): Promise<boolean>;
}

/**
 * The permissions of a service key: `validate` for questions about tokens, `issue` for creating sessions for users who
 * signed in elsewhere, `admin` for administration.
 */
export const SERVICE_SCOPES = ["validate", "issue", "admin"] as const;
export type ServiceScope = (typeof SERVICE_SCOPES)[number];

/** Times are milliseconds since the epoch. */
export interface ServiceKey {
  readonly id: string;
  /** The holder's name, for logs and audit. */
  readonly name: string;
  /** SHA-256 of the whole key text, hex. */
  readonly hash: string;
  readonly scopes: readonly ServiceScope[];
  readonly createdAt: number;
  readonly revokedAt: number | undefined;
}
