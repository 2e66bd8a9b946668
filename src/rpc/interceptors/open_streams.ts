import { Access } from "../../../generated/curfew/options/v1/options.js";
import { type CurfewError, isUndecided } from "../../core/errors.js";
import type { Authenticate } from "../authenticate.js";
import type { CallContext } from "../call_context.js";
import { failureOf } from "../status.js";
import type { Interceptor } from "./interceptor.js";

/** The streams that are open, which outlive the moment they were let in at. */
export interface OpenStreams extends Interceptor {
  /** Ends all streams with a failure, and from now on each new one at once. */
  endAll(failure: CurfewError): void;
  /** Stops looking after the streams. */
  close(): void;
}

/**
 * Keeps hold of streams, to end those whose caller's session or key has ended
 * since, and all of them when the server stops (else it would wait for them forever).
 *
 * @param recheckMs how often credentials are judged again, in milliseconds; an
 * outage or an overload ends no stream. It is no use of the session.
 */
export const openStreams = (authenticate: Authenticate, recheckMs: number): OpenStreams => {
  const streams = new Set<CallContext>();
  let stopped: CurfewError | undefined;

  const recheck = async (ctx: CallContext): Promise<void> => {
    try {
      await authenticate(ctx);
    } catch (error) {
      const failure = failureOf(error);
      if (!isUndecided(failure)) ctx.end(failure);
    }
  };

  const timer = setInterval(() => {
    for (const ctx of streams) {
      if (ctx.caller.kind !== "anonymous" && ctx.rule.access !== Access.PUBLIC) void recheck(ctx);
    }
  }, recheckMs);
  timer.unref();

  return {
    admit: (ctx) => {
      if (!ctx.rule.streaming) return;
      if (stopped !== undefined) throw stopped;
      streams.add(ctx);
    },
    done: (ctx) => {
      if (ctx.rule.streaming) streams.delete(ctx);
    },
    endAll: (failure) => {
      stopped = failure;
      for (const ctx of [...streams]) ctx.end(failure);
    },
    close: () => clearInterval(timer),
  };
};
