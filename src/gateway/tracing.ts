import type { FastifyInstance, FastifyRequest } from "fastify";
import { type ReceivedTrace, readTraceParent } from "../core/caller/trace_parent.js";
import type { IsTrustedProxy } from "./client_address.js";

/** A request in a trace, until it ends. */
export interface RequestSpan {
  /** The value that the service receives, so that its spans are children of this one. */
  readonly traceparent: string;
  /** @param route the template of its path; empty: there is none */
  end(status: number, route: string): void;
}

/** Begins the span of a request. */
export type BeginRequest = (method: string, trace: ReceivedTrace) => RequestSpan;

/** Of a method's route, or of a page's. */
const routeOf = ({ route, routeOptions }: FastifyRequest): string => {
  if (route) return route.binding.template.source;
  return routeOptions.url?.includes("*") === false ? routeOptions.url : "";
};

const text = (header: string | string[] | undefined): string =>
  typeof header === "string" ? header : "";

/**
 * Starts a span for each request, and passes its trace to the calls made for it. The client's own trace is not passed
 * on, unless a trusted proxy sends it.
 *
 * @param begin absent: no spans; the trace context of a trusted proxy is passed on
 */
export const installTracing = (
  app: FastifyInstance,
  isTrusted: IsTrustedProxy,
  begin: BeginRequest | undefined,
): void => {
  const spans = new WeakMap<FastifyRequest, RequestSpan>();
  app.addHook("onRequest", (request, _reply, done) => {
    const { headers, method, clientChain } = request;
    const traceparent = text(headers.traceparent);
    const tracestate = text(headers.tracestate);
    const isBelieved = isTrusted(clientChain.at(-1) ?? "");
    if (!isBelieved || readTraceParent(traceparent) === undefined) {
      headers.traceparent = undefined;
      headers.tracestate = undefined;
    }
    const span = begin?.(method, { traceparent, tracestate, isBelieved });
    if (span !== undefined) {
      spans.set(request, span);
      headers.traceparent = span.traceparent;
    }
    done();
  });
  app.addHook("onResponse", async (request, reply) => {
    spans.get(request)?.end(reply.statusCode, routeOf(request));
  });
};
