import type { Call } from "../core/call.js";
import { sourceOf } from "../core/caller/source.js";
import { fail } from "../core/errors.js";
import type { UseCases } from "../core/use_cases.js";
import { createBoundedRunner } from "../crypto/bounded_runner.js";

/** Logins under way at once in this process: more than keep the hashing busy, fewer than crowd out others at Postgres. */
const MAX_LOGINS_AT_ONCE = 16;
const MAX_LOGINS_WAITING = 200;
/** How long a login may wait for its turn, in milliseconds. */
const MAX_WAIT_MS = 3000;

/**
 * A sign-in that waits for its turn before it asks Postgres anything: a storm of
 * them must not take the connections that validation and the lease need. The
 * excess is refused with TOO_MANY_ATTEMPTS, and costs nothing (D2). Sources take
 * turns, and one that is locked out is not let in at all (D10).
 */
export const boundedSignIn = <Input extends { readonly ip: string }, Output>(
  signIn: (input: Input, call?: Call) => Promise<Output>,
  requireSource: UseCases["requireSource"],
): ((input: Input, call?: Call) => Promise<Output>) => {
  const turn = createBoundedRunner({
    concurrency: MAX_LOGINS_AT_ONCE,
    maxQueue: MAX_LOGINS_WAITING,
    maxWaitMs: MAX_WAIT_MS,
    onBusy: (retryAfterMs) =>
      fail("TOO_MANY_ATTEMPTS", { retryAfterMs, metadata: { cause: "busy" } }),
  });
  return async (input, call) => {
    requireSource(input.ip);
    return turn(() => signIn(input, call), sourceOf(input.ip));
  };
};

/** Login, bounded so. */
export const boundedLogin = ({
  login,
  requireSource,
}: Pick<UseCases, "login" | "requireSource">): UseCases["login"] =>
  boundedSignIn(login, requireSource);
