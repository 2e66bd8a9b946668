import type { ExternalIdentity } from "../users/user.js";

/** The part of a transaction that knows which user an identity of another issuer is. */
export interface Identities {
  /** The user of an identity; undefined if there is none. Compares byte for byte. */
  userOfIdentity(identity: ExternalIdentity): Promise<string | undefined>;
  /**
   * Assigns an identity to a user, who may be inserted later in the transaction, unless another user has it; waits for
   * other transactions that do the same. Resolves to the owner.
   */
  claimIdentity(identity: ExternalIdentity, userId: string, at: number): Promise<string>;
  /** Takes an identity from a user. Resolves to whether the user had it. */
  dropIdentity(identity: ExternalIdentity, userId: string): Promise<boolean>;
  /** How many identities a user has. */
  countIdentities(userId: string): Promise<number>;
}
