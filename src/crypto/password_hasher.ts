import { availableParallelism } from "node:os";
import { requireCaller } from "../core/call.js";
import { fail } from "../core/errors.js";
import type { PasswordHasher } from "../core/ports/password_hasher.js";
import { createBoundedRunner } from "./bounded_runner.js";
import {
  type Argon2Cost,
  createDummyCheck,
  DEFAULT_ARGON2_COST,
  hashArgon2,
} from "./passwords/argon2.js";
import { isCostly, isExcessive } from "./passwords/check_work.js";
import type { PasswordCheck } from "./passwords/password_check.js";
import { readPasswordHash } from "./passwords/read_password_hash.js";

export interface PasswordHasherOptions {
  readonly cost?: Argon2Cost | undefined;
  /** How many passwords are worked on at once. */
  readonly concurrency?: number | undefined;
  /** How many may wait. */
  readonly maxQueue?: number | undefined;
  /** How long one may wait, in milliseconds. */
  readonly maxWaitMs?: number | undefined;
}

// Hashes and signature checks share the four threads of libuv: one stays free for checks (D2).
const MAX_DEFAULT_CONCURRENCY = 3;

/**
 * Costly checks (see `isCostly`) run one at a time, beside the others. They may wait for the one
 * before them and still meet the deadline of a login (10 s). Few may wait, since each also holds
 * one of the places of logins under way.
 */
const COSTLY = { concurrency: 1, maxQueue: 2, maxWaitMs: 4000 };

/**
 * Hashes with argon2id and checks argon2, bcrypt, PBKDF2 and scrypt hashes.
 *
 * Passwords are normalised to NFC (RFC 8265 §4.2.2) before they are hashed. A
 * hash that came from elsewhere may be of the text as it was typed, so a
 * password that NFC changes is tried both ways.
 */
export function createPasswordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  const cost = options.cost ?? DEFAULT_ARGON2_COST;
  const dummy = createDummyCheck(cost);
  const onBusy = (retryAfterMs: number) =>
    fail("TOO_MANY_ATTEMPTS", { retryAfterMs, metadata: { cause: "busy" } });
  const run = createBoundedRunner({
    concurrency: options.concurrency ?? Math.min(availableParallelism(), MAX_DEFAULT_CONCURRENCY),
    maxQueue: options.maxQueue ?? 64,
    maxWaitMs: options.maxWaitMs ?? 1000,
    onBusy,
  });
  const runCostly = createBoundedRunner({ ...COSTLY, onBusy });

  const checkFor = (encoded: string | undefined): PasswordCheck => {
    const check = readPasswordHash(encoded ?? "", cost);
    return check === undefined || isExcessive(check.work) ? dummy : check;
  };

  return {
    hash: (password, source, call) =>
      run(async () => {
        requireCaller(call);
        return hashArgon2(password.normalize("NFC"), cost);
      }, source),
    verify(password, encoded, source, call) {
      const check = checkFor(encoded);
      return (isCostly(check.work) ? runCostly : run)(async () => {
        requireCaller(call);
        const normal = password.normalize("NFC");
        if (await check.matches(normal)) {
          return { ok: true, needsRehash: !check.current };
        }
        const ok = normal !== password && (await check.matches(password));
        return { ok, needsRehash: ok };
      }, source);
    },
  };
}
