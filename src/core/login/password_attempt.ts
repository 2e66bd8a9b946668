import { type Call, requireCaller } from "../call.js";
import { sourceOf } from "../caller/source.js";
import { type CurfewError, fail, isOutage, type Reason, unavailable } from "../errors.js";
import type { AuditEvent } from "../events/audit_event.js";
import type { Clock } from "../ports/clock.js";
import type {
  Admission,
  AttemptOutcome,
  LoginThrottle,
  Reservation,
} from "../ports/login_throttle.js";
import type { PasswordHasher } from "../ports/password_hasher.js";
import type { SessionStore } from "../ports/session_store.js";
import type { Account } from "../users/user.js";
import { createForgivenAttempts } from "./forgiven_attempts.js";
import { createRefusedSources } from "./refused_sources.js";
import type { ThrottleRefusal } from "./throttle_verdict.js";

/** One attempt with a password, and the caller's action if the password is right. */
export interface PasswordAttempt<T> {
  readonly usernameFolded: string;
  readonly password: string;
  readonly ip: string;
  /** Further fields of the security events of this attempt. */
  readonly about?: Partial<AuditEvent>;
  readonly call?: Call | undefined;
  /** Reads the account; called again if the account changes while its password is checked. */
  readonly find: () => Promise<Account | undefined>;
  /** Acts on a right password; `needsRehash` if the stored hash is weaker than today's hashes. */
  readonly act: (account: Account, needsRehash: boolean) => Promise<ActionResult<T>>;
}

export type ActionResult<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "refused"; readonly reason: "USER_INACTIVE" | "SESSION_LIMIT_EXCEEDED" }
  /** The account is not the one whose password was checked. */
  | { readonly kind: "changed" };

type Outcome<T> =
  | Exclude<ActionResult<T>, { kind: "changed" }>
  | { readonly kind: "wrong" }
  | { readonly kind: "throttled"; readonly refusal: ThrottleRefusal };

interface Judged<T> {
  readonly outcome: Outcome<T>;
  readonly account: Account | undefined;
}

export type TryPassword = <T>(attempt: PasswordAttempt<T>) => Promise<T>;

export interface PasswordAttempts {
  readonly tryPassword: TryPassword;
  /** @throws CurfewError TOO_MANY_ATTEMPTS for a source that is known to be locked out; costs next to nothing */
  readonly requireSource: (ip: string) => void;
  /** Forgives the attempts that an outage kept from being forgiven; to be called now and then. */
  readonly flushForgiven: () => Promise<void>;
}

/** How often a password that changes while it is checked is checked again. */
const MAX_CHECKS = 3;

/**
 * Checks passwords within the limits of failed attempts, for every call that
 * takes one. Only an attempt that is known to be wrong, and whose caller still
 * waits for the answer, is counted: in the transaction that writes its security
 * event. Every other way out gives the place back (O3, O4).
 */
export const createPasswordAttempts = (deps: {
  store: SessionStore;
  throttle: LoginThrottle;
  hasher: PasswordHasher;
  clock: Clock;
}): PasswordAttempts => {
  const { store, throttle, hasher, clock } = deps;
  const { forgive, flush } = createForgivenAttempts(deps);

  const judge = async <T>(
    { find, act, password, ip, call }: PasswordAttempt<T>,
    admission: Exclude<Admission, { kind: "source_refused" }>,
  ): Promise<Judged<T>> => {
    for (let checks = 1; checks <= MAX_CHECKS; checks++) {
      requireCaller(call);
      const account = await find();
      // Also for unknown and locked accounts, so that all take the same time (D1).
      const { ok, needsRehash } = await hasher.verify(
        password,
        account?.passwordHash,
        sourceOf(ip),
        call,
      );
      if (admission.kind === "account_refused")
        return { outcome: { kind: "throttled", refusal: admission.refusal }, account };
      if (!ok || account === undefined) return { outcome: { kind: "wrong" }, account };
      const result = await act(account, needsRehash);
      if (result.kind !== "changed") return { outcome: result, account };
    }
    throw unavailable("the account keeps changing");
  };

  /** Writes the security events of a refusal, and concludes its reservation with them. */
  const refuse = async (
    { ip, about, call }: PasswordAttempt<unknown>,
    account: Account | undefined,
    reason: Reason,
    concluded?: { readonly reservation: Reservation; readonly as: AttemptOutcome },
  ): Promise<void> => {
    const event = { at: clock.now(), userId: account?.id, ip, ...about };
    await store.transaction(async (tx) => {
      await tx.record([{ ...event, type: "LOGIN_FAILED", reason }]);
      if (concluded === undefined) return;
      const { locked } = await tx.concludeAttempt(concluded.reservation, concluded.as);
      if (locked) await tx.record([{ ...event, metadata: {}, type: "ACCOUNT_LOCKED" }]);
    }, call);
  };

  /** The one place that decides what each outcome means for the limits. Resolves to the answer. */
  const conclude = async <T>(
    attempt: PasswordAttempt<T>,
    reservation: Reservation,
    { outcome, account }: Judged<T>,
  ): Promise<{ readonly value: T } | { readonly failure: CurfewError }> => {
    switch (outcome.kind) {
      case "done":
        // Not in the transaction that acted: the counts of its source are shared with others.
        await forgive(reservation, "passed");
        return outcome;
      case "refused":
        await refuse(attempt, account, outcome.reason, { reservation, as: "passed" });
        return { failure: fail(outcome.reason) };
      case "throttled":
        await refuse(attempt, account, "TOO_MANY_ATTEMPTS", { reservation, as: "released" });
        return { failure: tooManyAttempts(outcome.refusal) };
      case "wrong":
        await refuse(attempt, account, "INVALID_CREDENTIALS", { reservation, as: "failed" });
        // The caller never learns that this attempt failed, and may repeat it: it must not count (O3).
        requireCaller(attempt.call);
        return { failure: fail("INVALID_CREDENTIALS") };
    }
  };

  const refusedSources = createRefusedSources(clock.monotonic);
  const requireSource = (ip: string): void => {
    const refusal = refusedSources.refusalOf(sourceOf(ip));
    if (refusal !== undefined) throw tooManyAttempts(refusal);
  };

  const tryPassword: TryPassword = async (attempt) => {
    requireSource(attempt.ip);
    // First, so that a caller that repeats a failed call does not meet its own place.
    await flush();
    const admission = await throttle.reserve(attempt.usernameFolded, attempt.ip);
    if (admission.kind === "source_refused") {
      await refuse(attempt, undefined, "TOO_MANY_ATTEMPTS");
      refusedSources.note(sourceOf(attempt.ip), admission.refusal);
      throw tooManyAttempts(admission.refusal);
    }
    const { reservation } = admission;
    const answer = await judge(attempt, admission)
      .then((judged) => conclude(attempt, reservation, judged))
      .catch(async (failure: unknown) => {
        const forgiven = forgive(reservation, "released");
        // A store that does not answer must not hold up the answer to the caller.
        if (!isOutage(failure)) await forgiven;
        throw failure;
      });
    if ("failure" in answer) throw answer.failure;
    return answer.value;
  };
  return { tryPassword, requireSource, flushForgiven: flush };
};

const tooManyAttempts = ({ cause, retryAfterMs }: ThrottleRefusal): CurfewError =>
  fail("TOO_MANY_ATTEMPTS", { retryAfterMs, ...(cause === "busy" && { metadata: { cause } }) });
