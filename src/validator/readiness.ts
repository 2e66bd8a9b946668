import { status as Code, type ServiceError } from "@grpc/grpc-js";
import type { ValidateTokensResponse } from "../../generated/curfew/v1/auth_service.js";
import type { Ask } from "./channel/ask.js";
import { describeSilence } from "./channel/unresponsive.js";
import { callFailure } from "./rpc_failure.js";

/** Something a validator waits for before it is ready. */
export interface Condition {
  /** Completes "Curfew's validator is not ready: …". */
  readonly missing: string;
  readonly holds: () => boolean;
}

/** What tokens must say by the validator's options. Empty: whatever Curfew says. */
export interface Expectations {
  readonly issuer: string;
  readonly audience: string;
}

const POLL_MS = 20;
const ASK_AGAIN_MS = 200;
const ASK_TIMEOUT_MS = 2000;

const notReady = (what: string, cause?: unknown): Error =>
  new Error(`Curfew's validator is not ready: ${what}`, { cause });

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves to Curfew's answer when Curfew accepts the validator's credential. An empty batch checks nothing else. */
const reach = async (ask: Ask, deadline: number): Promise<ValidateTokensResponse> => {
  for (;;) {
    try {
      const left = Math.max(1, Math.min(ASK_TIMEOUT_MS, deadline - performance.now()));
      return await ask((client) => client.validateTokens, { requests: [] }, left);
    } catch (error) {
      const { code } = error as ServiceError;
      const isRefused = code === Code.UNAUTHENTICATED || code === Code.PERMISSION_DENIED;
      if (isRefused) throw callFailure(error as ServiceError).cause;
      if (performance.now() + ASK_AGAIN_MS >= deadline)
        throw notReady(describeSilence(error), error);
    }
    await pause(ASK_AGAIN_MS);
  }
};

/** Throws if no token of this Curfew can satisfy the options. */
const compare = (answer: ValidateTokensResponse, expected: Expectations): void => {
  const differing = (["issuer", "audience"] as const).find(
    // A replica of an earlier version does not tell.
    (name) => expected[name] !== "" && (answer[name] ?? expected[name]) !== expected[name],
  );
  if (differing === undefined) return;
  throw notReady(
    `its option ${differing} is ${JSON.stringify(expected[differing])}, but Curfew's tokens have ${JSON.stringify(answer[differing])} (JWT_${differing.toUpperCase()}), so it would refuse every one of them`,
  );
};

/**
 * Resolves when Curfew answers and all conditions hold.
 *
 * @throws Error that names the missing condition, after `timeoutMs`; at once when Curfew refuses the credential, or
 * signs tokens for another issuer or audience
 */
export const waitUntilReady = async (
  ask: Ask,
  expected: Expectations,
  conditions: readonly Condition[],
  timeoutMs: number,
): Promise<void> => {
  const deadline = performance.now() + timeoutMs;
  compare(await reach(ask, deadline), expected);
  for (;;) {
    const unmet = conditions.find(({ holds }) => !holds());
    if (unmet === undefined) return;
    if (performance.now() >= deadline) throw notReady(unmet.missing);
    await pause(POLL_MS);
  }
};
