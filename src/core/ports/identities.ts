import type { ExternalIdentity } from "../users/user.js";

/** The part of a transaction that knows which user an identity of another issuer is. */
export interface Identities {
  /** The user of an identity; undefined: nobody has it. Compares byte for byte. */
  userOfIdentity(identity: ExternalIdentity): Promise<string | undefined>;
  /**
   * Gives an identity to a user, who may be inserted later in the transaction,
   * unless somebody has it; waits for other transactions that do the same.
   * Resolves to whose it is.
   */
  claimIdentity(identity: ExternalIdentity, userId: string, at: number): Promise<string>;
}
