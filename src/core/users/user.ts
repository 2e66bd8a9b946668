/** Somebody who can sign in. Times are milliseconds since the epoch. */
export interface User {
  /** UUIDv7 in lower case; `sub` of the access tokens. */
  readonly id: string;
  /** As given; unique by its folded form. */
  readonly username: string;
  readonly displayName: string;
  readonly roles: readonly string[];
  readonly isActive: boolean;
  readonly createdAt: number;
}

/** A user with what signs them in. */
export interface Account extends User {
  /** PHC string, or an imported hash. */
  readonly passwordHash: string;
}

/**
 * The form in which usernames are unique and looked up: NFKC, without case
 * (RFC 8265, UsernameCaseMapped).
 */
export const foldUsername = (username: string): string =>
  username.normalize("NFKC").trim().toLowerCase();
