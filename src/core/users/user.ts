/** A user who can sign in. Times are milliseconds since the epoch. */
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
  /** PHC string, or an imported hash; undefined: the user signs in elsewhere, and no password is right. */
  readonly passwordHash: string | undefined;
}

/** The identity of a user at another issuer. Both texts are exact: they compare byte for byte. */
export interface ExternalIdentity {
  readonly issuer: string;
  readonly subject: string;
}

/**
 * The form in which usernames are unique and looked up: NFKC, without case
 * (RFC 8265, UsernameCaseMapped).
 */
export const foldUsername = (username: string): string =>
  username.normalize("NFKC").trim().toLowerCase();
