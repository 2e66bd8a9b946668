import type { CallContext } from "../call_context.js";
import type { Interceptor } from "./interceptor.js";

/** A call as a trace shows it, while it goes on. */
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

/** Begins the span of a call, as a child of the caller's if `traceparent` names one. */
export type BeginCall = (method: string, traceparent: string, tracestate: string) => CallSpan;

/** Spans of calls, and where to find that of a call under way. */
export interface CallTracing<Span extends CallSpan> extends Interceptor {
  spanOf(ctx: CallContext): Span | undefined;
}

/** Gives each call a span from its arrival to its end. It comes first of all interceptors. */
export const tracing = <Span extends CallSpan>(
  begin: (...call: Parameters<BeginCall>) => Span,
): CallTracing<Span> => {
  const spans = new WeakMap<CallContext, Span>();
  return {
    spanOf: (ctx) => spans.get(ctx),
    admit: (ctx) => {
      const span = begin(ctx.method.slice(1), ctx.header("traceparent"), ctx.header("tracestate"));
      spans.set(ctx, span);
    },
    done: (ctx, code) => {
      const { caller } = ctx;
      spans.get(ctx)?.end({
        code,
        reason: ctx.failure?.reason ?? "",
        requestId: ctx.requestId,
        userId: caller.kind === "session" ? caller.userId : "",
        sessionId: caller.kind === "session" ? caller.sessionId : "",
      });
    },
  };
};
