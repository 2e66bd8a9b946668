/** A stored hash that was read and found to be of a known scheme. */
export interface PasswordCheck {
  /** Whether the password is the one that was hashed. Runs off the event loop. */
  matches(password: string): Promise<boolean>;
  /** Whether the hash is what would be made today. */
  readonly current: boolean;
}

/** Reads an encoded hash; undefined when it is malformed, of another scheme, or absurdly costly. */
export type PasswordScheme = (encoded: string) => PasswordCheck | undefined;

/** A shorter hash would match too many passwords. */
export const MIN_HASH_BYTES = 16;
