import type { Account, User } from "../user.js";

/** Reads users. Changes go through a SessionTransaction, since they may end sessions. */
export interface UserStore {
  get(userId: string): Promise<User | undefined>;
  findByUsername(usernameFolded: string): Promise<Account | undefined>;
  getAccount(userId: string): Promise<Account | undefined>;
  /** By folded username, after one. */
  list(afterUsernameFolded: string | undefined, limit: number): Promise<User[]>;
  isEmpty(): Promise<boolean>;
}
