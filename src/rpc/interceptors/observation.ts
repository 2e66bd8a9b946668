import type { CallContext } from "../call_context.js";
import type { Interceptor } from "./interceptor.js";

/**
 * Called once for each call when it is over, for the log, metrics and traces. `ctx.failure` has the reason, and its
 * `cause` has details that no caller may see.
 *
 * @param code of google.rpc.Code; 1 (CANCELLED) if the caller went away
 * @param durationMs milliseconds since the call came in
 */
export type CallObserver = (ctx: CallContext, code: number, durationMs: number) => void;

/** Reports calls that are over. An observer that throws is a warning, never the caller's trouble. */
export const observation = (observe: CallObserver): Interceptor => ({
  done: (ctx, code) => {
    try {
      observe(ctx, code, performance.now() - ctx.startedAt);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : new Error(String(error)));
    }
  },
});
