import type { Account } from "../users/user.js";

/** Takes in users from elsewhere, many at a time. They are new, so no session ends by it. */
export interface UserIntake {
  /**
   * Inserts the accounts whose folded username is free, with a USER_CREATED
   * event by `actor` for each, in one transaction. Resolves to the ids inserted;
   * of two accounts with one username the first. Rejects with
   * DEPENDENCY_UNAVAILABLE when the store cannot answer; repeating it is safe.
   */
  insert(accounts: readonly Account[], actor: string): Promise<ReadonlySet<string>>;
  /** Returns those folded usernames that are taken. */
  taken(usernamesFolded: readonly string[]): Promise<ReadonlySet<string>>;
}
