import type { Account, ExternalIdentity, User } from "../users/user.js";

/** Reads users. Changes go through a SessionTransaction, since they may end sessions. */
export interface UserStore {
  get(userId: string): Promise<User | undefined>;
  findByUsername(usernameFolded: string): Promise<Account | undefined>;
  getAccount(userId: string): Promise<Account | undefined>;
  /**
   * One page in the order of user names. `next` is where the next page starts:
   * a short text of the store's own; undefined when this was the last.
   */
  list(
    after: string | undefined,
    limit: number,
  ): Promise<{ readonly users: readonly User[]; readonly next: string | undefined }>;
  /** The identities of users at other issuers, by user id, oldest first. */
  identitiesOf(userIds: readonly string[]): Promise<ReadonlyMap<string, ExternalIdentity[]>>;
  isEmpty(): Promise<boolean>;
}
