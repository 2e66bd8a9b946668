import type { ThrottleLimits, ThrottleRefusal } from "../login/throttle_verdict.js";

/**
 * Limits wrong passwords per account and per source, atomically over replicas and restarts (D1). Only a wrong password
 * counts (O4): an attempt first reserves a place within the limits, and is concluded when its outcome is known. A place
 * without a conclusion is free again after `RESERVATION_MS`, so an outage or a crash leaves no count behind, and
 * parallel attempts together never exceed a limit.
 */
export interface LoginThrottle {
  /** Reserves a place for one attempt. Known and unknown usernames are treated alike. */
  reserve(usernameFolded: string, ip: string): Promise<Admission>;
  /** Concludes an attempt that is no failure, whatever was noted of it before. Repeating it is safe. */
  forgive(reservation: Reservation, outcome: "passed" | "released"): Promise<void>;
  /** Deletes counts that no longer matter. */
  prune(): Promise<void>;
}

/** How long an attempt may take, in milliseconds: longer than the deadline of any call that checks a password. */
export const RESERVATION_MS = 15_000;

/** A place within the limits of one account and one source. */
export interface Reservation {
  readonly id: string;
  readonly accountKey: string;
  readonly sourceKey: string;
  readonly limits: ThrottleLimits;
}

/** Whether an attempt is admitted. */
export type Admission =
  | { readonly kind: "reserved"; readonly reservation: Reservation }
  /** Holds a place of the source; the account has none left. */
  | {
      readonly kind: "account_refused";
      readonly reservation: Reservation;
      readonly refusal: ThrottleRefusal;
    }
  /** Holds nothing. */
  | { readonly kind: "source_refused"; readonly refusal: ThrottleRefusal };

/**
 * The part of a transaction that concludes attempts, so that a count and its
 * security event are one. It locks the counts of the source until the commit:
 * keep such transactions short.
 */
export interface AttemptTransaction {
  /**
   * Notes how an attempt came out. `failed` counts it. `passed` forgets the
   * account's failures. `released` leaves no trace of the attempt. Resolves to
   * whether this failure locked the account.
   */
  concludeAttempt(reservation: Reservation, outcome: AttemptOutcome): Promise<{ locked: boolean }>;
  /** Forgets the failed logins of an account. */
  unlockAccount(usernameFolded: string): Promise<void>;
}

export type AttemptOutcome = "failed" | "passed" | "released";
