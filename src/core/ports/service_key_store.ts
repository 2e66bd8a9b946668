/** Keeps the keys of other backends. A key's text is never stored, only its SHA-256. */
export interface ServiceKeyStore {
  create(key: ServiceKey): Promise<void>;
  list(): Promise<ServiceKey[]>;
  revoke(keyId: string, at: number): Promise<boolean>;
}

export type ServiceScope = "validate" | "admin";

/** Times are milliseconds since the epoch. */
export interface ServiceKey {
  readonly id: string;
  /** Who holds it, for logs and audit. */
  readonly name: string;
  /** SHA-256 of the whole key text, hex. */
  readonly hash: string;
  readonly scopes: readonly ServiceScope[];
  readonly createdAt: number;
  readonly revokedAt: number | undefined;
}
