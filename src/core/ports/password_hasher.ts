import type { CallLimits } from "../call.js";

/**
 * Turns passwords into hashes. Work is bounded; the excess is refused with
 * TOO_MANY_ATTEMPTS (D2). Sources take turns: a flood of one does not hold up others (D10).
 * Work whose caller has gone when its turn comes is not begun (O3).
 */
export interface PasswordHasher {
  /** An encoded hash with its parameters and salt, to be stored. */
  hash(
    password: string,
    source?: string | undefined,
    call?: CallLimits | undefined,
  ): Promise<string>;
  /**
   * Whether the password is the one that was hashed. Without a hash to compare
   * with, or with one that cannot be read, does the work of a real check and
   * answers no, so that time does not tell (D1).
   */
  verify(
    password: string,
    encoded: string | undefined,
    source?: string | undefined,
    call?: CallLimits | undefined,
  ): Promise<PasswordVerdict>;
}

export interface PasswordVerdict {
  readonly ok: boolean;
  /** The password is right and its hash weaker than today's: store a new one. Never true without `ok`. */
  readonly needsRehash: boolean;
}
