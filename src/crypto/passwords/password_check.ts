import type { CheckWork } from "./check_work.js";

/** A stored hash that was read and found to be of a known scheme. */
export interface PasswordCheck {
  /** Whether the password is the one that was hashed. Runs off the event loop. */
  matches(password: string): Promise<boolean>;
  /** Whether the hash is what would be made today. */
  readonly current: boolean;
  /** What `matches` costs. A hash is read whatever it costs; the caller decides whether to check it. */
  readonly work: CheckWork;
}

/** Reads an encoded hash; undefined when it is malformed or of another scheme. */
export type PasswordScheme = (encoded: string) => PasswordCheck | undefined;

/** A shorter hash would match too many passwords. */
export const MIN_HASH_BYTES = 16;
