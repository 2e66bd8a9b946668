import type { UserIntake } from "../../../src/core/ports/user_intake.js";
import { type Account, foldUsername } from "../../../src/core/users/user.js";

/** An intake in memory that records its input. */
export interface MemoryIntake extends UserIntake {
  readonly accounts: Map<string, Account>;
  readonly batches: number[];
}

export const memoryIntake = (): MemoryIntake => {
  const accounts = new Map<string, Account>();
  const batches: number[] = [];
  return {
    accounts,
    batches,
    insert: async (given) => {
      batches.push(given.length);
      const made = new Set<string>();
      for (const account of given) {
        const name = foldUsername(account.username);
        if (accounts.has(name)) continue;
        accounts.set(name, account);
        made.add(account.id);
      }
      return made;
    },
    taken: async (names) => new Set(names.filter((name) => accounts.has(name))),
  };
};
