import { Code, REASONS, type Reason } from "../../core/errors.js";
import type { Authenticate } from "../authenticate.js";
import type { CallContext } from "../call_context.js";
import { failureOf } from "../status.js";
import type { Interceptor } from "./interceptor.js";

/**
 * Called for every call that is refused for its credential (D7), before the answer is sent. `ctx.caller` is known if
 * the credential was good for something else. If the listener fails, the call is still refused.
 */
export type DenialListener = (ctx: CallContext, reason: Reason) => void | Promise<void>;

const isDenial = (reason: Reason): boolean => {
  const { code } = REASONS[reason];
  return code === Code.UNAUTHENTICATED || code === Code.PERMISSION_DENIED;
};

/** Identifies the caller and refuses callers without access (D4). */
export const authentication = (
  authenticate: Authenticate,
  onDenied: DenialListener,
): Interceptor => {
  const deny = async (ctx: CallContext, error: unknown): Promise<never> => {
    const { reason } = failureOf(error);
    try {
      if (isDenial(reason)) await onDenied(ctx, reason);
    } catch (cause) {
      process.emitWarning(cause instanceof Error ? cause : new Error(String(cause)));
    }
    throw error;
  };

  return {
    admit: (ctx) => {
      try {
        const caller = authenticate(ctx);
        if (caller instanceof Promise) {
          return caller.then(
            (known) => {
              ctx.caller = known;
            },
            (error: unknown) => deny(ctx, error),
          );
        }
        ctx.caller = caller;
      } catch (error) {
        return deny(ctx, error);
      }
    },
  };
};
