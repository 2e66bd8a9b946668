import { randomUUID } from "node:crypto";
import { sourceOf } from "../core/caller/source.js";
import { type ThrottleLimits, throttleRefusal } from "../core/login/throttle_verdict.js";
import {
  type Admission,
  type LoginThrottle,
  RESERVATION_MS,
  type Reservation,
} from "../core/ports/login_throttle.js";
import { accountKey, attemptStatements, print, RESERVE } from "./attempt_statements.js";
import type { Database } from "./database.js";
import { preparedRows } from "./statements.js";

/**
 * Counts in Postgres, one atomic statement an attempt for the account and the
 * source together, on Postgres's clock: replicas and restarts share the counts,
 * skewed clocks do not matter, and losing Redis loses none. Keys are hashes:
 * what strangers typed as a username may be a password.
 *
 * Windows are fixed and begin with the first failure. An attempt that is
 * refused counts nowhere.
 */
export const postgresLoginThrottle = (
  database: Database,
  limits: ThrottleLimits,
): LoginThrottle => {
  const rows = preparedRows(database);
  const { concludeAttempt } = attemptStatements(rows);

  return {
    async reserve(usernameFolded, ip) {
      const reservation: Reservation = {
        id: randomUUID(),
        accountKey: accountKey(usernameFolded),
        sourceKey: `source:${print(sourceOf(ip))}`,
        limits,
      };
      const taken = await rows<TakenRow>(RESERVE, [
        reservation.sourceKey,
        reservation.accountKey,
        reservation.id,
        limits.windowMs,
        RESERVATION_MS,
        limits.perSource,
        limits.perAccount,
      ]);
      return admission(reservation, taken);
    },

    async forgive(reservation, outcome) {
      await concludeAttempt(reservation, outcome);
    },

    async prune() {
      // Reservations outlive a window that is shorter than they are.
      await rows(
        "DELETE FROM login_throttle WHERE expires_at < clock_timestamp() - ? * interval '1 millisecond'",
        [RESERVATION_MS],
      );
    },
  };
};

interface TakenRow {
  readonly kind: "source" | "account";
  readonly attempts: number;
  readonly reserved: boolean;
  readonly left_ms: number;
}

const admission = (reservation: Reservation, taken: readonly TakenRow[]): Admission => {
  const { perSource, perAccount } = reservation.limits;
  const refusal = ({ attempts, left_ms }: TakenRow, limit: number) =>
    throttleRefusal({ failures: attempts, leftMs: left_ms }, limit);
  const source = taken.find(({ kind }) => kind === "source");
  const account = taken.find(({ kind }) => kind === "account");
  if (source !== undefined && !source.reserved)
    return { kind: "source_refused", refusal: refusal(source, perSource) };
  if (account !== undefined && !account.reserved)
    return { kind: "account_refused", reservation, refusal: refusal(account, perAccount) };
  return { kind: "reserved", reservation };
};
