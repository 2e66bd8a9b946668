import type { ReceivedTrace } from "../../core/caller/trace_parent.js";
import type { ServiceAuth } from "../authenticate.js";
import type { CallContext } from "../call_context.js";
import type { Interceptor } from "./interceptor.js";

/** A call in a trace, until it ends. */
export interface CallSpan {
  /** The call is over. */
  end(outcome: CallOutcome): void;
}

/** How a call ended, for its span. Nothing in it is secret. */
export interface CallOutcome {
  /** Of google.rpc.Code. */
  readonly code: number;
  /** The reason of its failure; empty: there is none. */
  readonly reason: string;
  readonly requestId: string;
  readonly userId: string;
  readonly sessionId: string;
}

/**
 * Begins the span of a call.
 *
 * @param startedAt when the call came in, on the clock of `performance.now`
 */
export type BeginCall = (method: string, trace: ReceivedTrace, startedAt: number) => CallSpan;

/** Spans of calls, and where to find that of a call under way. */
export interface CallTracing<Span extends CallSpan> extends Interceptor {
  spanOf(ctx: CallContext): Span | undefined;
}

/** Whether the caller of a call is trusted about the trace that the call belongs to. */
export type BelievesTrace = (ctx: CallContext) => boolean;

/**
 * Trusts our own gateway and trusted proxies, whose trace context is their own, and services that have authenticated on
 * this call or before it on the same connection. A proxy's certificate proves nothing about a call that it forwards.
 */
export const believesTrace =
  (serviceAuth: ServiceAuth): BelievesTrace =>
  (ctx) => {
    if (ctx.isForwarded || ctx.caller.kind === "service") return true;
    if (ctx.headers("x-forwarded-for").length > 0) return false;
    if (serviceAuth === "none" || ctx.connection.provenBy === "service") return true;
    return serviceAuth === "mtls" && ctx.peerService !== undefined;
  };

/**
 * Gives each call a span from its arrival to its end. It comes last of all
 * interceptors: whether the call belongs to its sender's trace is known once the
 * caller is. The span of a call that is refused before begins when it ends.
 */
export const tracing = <Span extends CallSpan>(
  begin: (...call: Parameters<BeginCall>) => Span,
  believes: BelievesTrace,
): CallTracing<Span> => {
  const spans = new WeakMap<CallContext, Span>();
  const beginOf = (ctx: CallContext): Span => {
    const traceparent = ctx.header("traceparent");
    const isBelieved = traceparent !== "" && believes(ctx);
    const trace = { traceparent, tracestate: ctx.header("tracestate"), isBelieved };
    const span = begin(ctx.method.slice(1), trace, ctx.startedAt);
    spans.set(ctx, span);
    return span;
  };
  return {
    spanOf: (ctx) => spans.get(ctx),
    admit: (ctx) => {
      beginOf(ctx);
    },
    done: (ctx, code) => {
      const { caller } = ctx;
      const span = spans.get(ctx) ?? beginOf(ctx);
      span.end({
        code,
        reason: ctx.failure?.reason ?? "",
        requestId: ctx.requestId,
        userId: caller.kind === "session" ? caller.userId : "",
        sessionId: caller.kind === "session" ? caller.sessionId : "",
      });
    },
  };
};
