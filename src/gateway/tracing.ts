import type { FastifyInstance, FastifyRequest } from "fastify";

/** A request as a trace shows it, while it goes on. */
export interface RequestSpan {
  /** What the service is told, so that its spans are children of this one. */
  readonly traceparent: string;
  /** @param route the template of its path; empty: there is none */
  end(status: number, route: string): void;
}

/** Begins the span of a request, as a child of the client's if `traceparent` names one. */
export type BeginRequest = (method: string, traceparent: string, tracestate: string) => RequestSpan;

/** Of a method's route, or of a page's. */
const routeOf = ({ route, routeOptions }: FastifyRequest): string => {
  if (route) return route.binding.template.source;
  return routeOptions.url?.includes("*") === false ? routeOptions.url : "";
};

const text = (header: string | string[] | undefined): string =>
  typeof header === "string" ? header : "";

/** Gives each request a span, and its trace to the calls that are made for it. */
export const installTracing = (app: FastifyInstance, begin: BeginRequest): void => {
  const spans = new WeakMap<FastifyRequest, RequestSpan>();
  app.addHook("onRequest", async (request) => {
    const { headers, method } = request;
    const { traceparent, tracestate } = headers;
    const span = begin(method, text(traceparent), text(tracestate));
    spans.set(request, span);
    headers.traceparent = span.traceparent;
  });
  app.addHook("onResponse", async (request, reply) => {
    spans.get(request)?.end(reply.statusCode, routeOf(request));
  });
};
