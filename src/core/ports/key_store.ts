import type { AuditEvent } from "../events/audit_event.js";

/**
 * Keeps signing and refresh keys for all replicas. Every method rejects with
 * DEPENDENCY_UNAVAILABLE when the store does not answer within its time limit.
 */
export interface KeyStore {
  /** Every key, oldest first. */
  list(): Promise<StoredKey[]>;
  /**
   * Inserts the key unless there is one of the same use and algorithm in the
   * state `next` or `active`. Resolves to the newest of those, or to the key
   * inserted. Safe when many replicas start at once: one wins, all get its key.
   * The event is written with the key, if it is inserted.
   */
  insertIfNone(key: StoredKey, event: AuditEvent): Promise<StoredKey>;
  /**
   * Changes keys and writes the event of the change in one transaction (D7). Resolves to whether anything changed; if
   * not, no event is written.
   */
  change(change: KeyChange): Promise<boolean>;
  /** Notes that the key signs tokens that live for so long; a longer life that was noted before stays. */
  noteTokenLife(kid: string, tokenMs: number): Promise<void>;
  /** Replaces the secret of a key by the same one in another wrapping. */
  replaceSecret(kid: string, secret: Uint8Array): Promise<void>;
}

/** What happens to keys together. */
export interface KeyChange {
  /** A new key. The change rejects when its kid is taken. */
  readonly insert?: StoredKey | undefined;
  readonly moves?: readonly KeyMove[] | undefined;
  readonly event: AuditEvent;
}

/**
 * Moves a key on to a later state and notes `at` as the time of it. A key that
 * has this state or a later one, or does not exist, is left as it is.
 */
export interface KeyMove {
  readonly kid: string;
  readonly to: Exclude<KeyState, "next">;
  readonly at: number;
}

/** `sign`: access tokens, a key pair. `refresh`: refresh tokens, an HMAC key. */
export type KeyUse = "sign" | "refresh";

/** JOSE names (RFC 7518, RFC 8037). */
export type SigningAlgorithm = "EdDSA" | "ES256" | "RS256";
export type KeyAlgorithm = SigningAlgorithm | "HS256";

/**
 * In this order and never back.
 * - `next`: published and accepted, so that everybody knows it before it signs.
 * - `active`: signs.
 * - `retiring`: signs no more; its tokens are still good.
 * - `retired`: neither published nor accepted.
 */
export const KEY_STATES = ["next", "active", "retiring", "retired"] as const;
export type KeyState = (typeof KEY_STATES)[number];

/** Times are milliseconds since the epoch; those of states are when the state began. */
export interface StoredKey {
  readonly kid: string;
  readonly use: KeyUse;
  readonly algorithm: KeyAlgorithm;
  readonly state: KeyState;
  /** For eyes only: verification derives the public key from the secret. */
  readonly publicJwk?: Readonly<Record<string, unknown>> | undefined;
  /**
   * A format byte, then the private JWK or the raw HMAC key: in clear after
   * 0x00; as nonce, AES-256-GCM ciphertext and tag after 0x01.
   */
  readonly secret: Uint8Array;
  readonly createdAt: number;
  readonly activatedAt?: number | undefined;
  readonly retiringAt?: number | undefined;
  readonly retiredAt?: number | undefined;
  /**
   * The longest life of a token that the key has signed, in milliseconds;
   * 0 or absent: not known, as of keys of earlier versions.
   */
  readonly tokenMs?: number | undefined;
}
