import { status as Code, type ServiceError } from "@grpc/grpc-js";
import type { Ask } from "./channel/ask.js";
import { callFailure } from "./rpc_failure.js";

/** Something a validator waits for before it is ready. */
export interface Condition {
  /** Completes "Curfew's validator is not ready: …". */
  readonly missing: string;
  readonly holds: () => boolean;
}

const POLL_MS = 20;
const ASK_AGAIN_MS = 200;
const ASK_TIMEOUT_MS = 2000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves when Curfew takes the validator's credential. An empty batch asks for nothing else. */
const reach = async (ask: Ask, deadline: number): Promise<void> => {
  for (;;) {
    try {
      const left = Math.max(1, Math.min(ASK_TIMEOUT_MS, deadline - performance.now()));
      await ask((client) => client.validateTokens, { requests: [] }, left);
      return;
    } catch (error) {
      const { code } = error as ServiceError;
      const isRefused = code === Code.UNAUTHENTICATED || code === Code.PERMISSION_DENIED;
      if (isRefused) throw callFailure(error as ServiceError).cause;
      if (performance.now() + ASK_AGAIN_MS >= deadline)
        throw new Error("Curfew's validator is not ready: no replica of Curfew answers", {
          cause: error,
        });
    }
    await pause(ASK_AGAIN_MS);
  }
};

/**
 * Resolves when Curfew answers and all conditions hold.
 *
 * @throws Error that says what is missing, after `timeoutMs`, or at once when Curfew refuses the credential
 */
export const waitUntilReady = async (
  ask: Ask,
  conditions: readonly Condition[],
  timeoutMs: number,
): Promise<void> => {
  const deadline = performance.now() + timeoutMs;
  await reach(ask, deadline);
  for (;;) {
    const unmet = conditions.find(({ holds }) => !holds());
    if (unmet === undefined) return;
    if (performance.now() >= deadline)
      throw new Error(`Curfew's validator is not ready: ${unmet.missing}`);
    await pause(POLL_MS);
  }
};
