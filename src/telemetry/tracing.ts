import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Attributes,
  type Context,
  createTraceState,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-node";
import {
  type ReceivedTrace,
  readTraceParent,
  writeTraceParent,
} from "../core/caller/trace_parent.js";

/** As the standard `OTEL_*` settings say (OpenTelemetry, environment variable specification). */
export interface TracingOptions {
  /** Base URL of an OTLP receiver over HTTP; `/v1/traces` is added. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  /**
   * The ratio of the traces begun here that are recorded, from 0 to 1; the decision of a trusted caller takes
   * precedence.
   */
  readonly ratio: number;
}

/** A span under way; what runs within it has children of it. */
export interface OpenSpan {
  /** `traceparent` for calls that are made on its behalf. */
  readonly traceparent: string;
  readonly traceId: string;
  /** Calls it by a better name than was known when it began. */
  rename(name: string): void;
  within<Result>(work: () => Result): Result;
  /** @param failure the reason of the failure in a word or two; never a secret */
  end(attributes: Attributes, failure?: string): void;
}

/** Records what happens, and sends it to an OTLP receiver, away from the path of calls. */
export interface Tracing {
  /**
   * Starts the span of an incoming call or request: a child of the sender's span if the sender is trusted, else the
   * root of a new trace with a link to the sender's.
   *
   * @param startedAt when it came in, on the clock of `performance.now`
   */
  receive(name: string, attributes: Attributes, trace: ReceivedTrace, startedAt?: number): OpenSpan;
  /** The span of a call to a store, if one is recorded that it belongs to. */
  call(name: string, attributes: Attributes): OpenSpan | undefined;
  /** Sends the recorded spans, and stops. */
  stop(): Promise<void>;
}

const LONGEST_STOP_MS = 2000;

/** How a span hangs together with that of the sender. */
const relationTo = ({
  traceparent,
  tracestate,
  isBelieved,
}: ReceivedTrace): { readonly context: Context; readonly links: Link[] } => {
  const sender = readTraceParent(traceparent);
  if (sender === undefined) return { context: ROOT_CONTEXT, links: [] };
  const { traceId, spanId, flags } = sender;
  const remote: SpanContext = { traceId, spanId, traceFlags: flags & 1, isRemote: true };
  if (!isBelieved) return { context: ROOT_CONTEXT, links: [{ context: remote }] };
  const traceState = createTraceState(tracestate);
  return { context: trace.setSpanContext(ROOT_CONTEXT, { ...remote, traceState }), links: [] };
};

const openSpan = (
  span: Span,
  current: AsyncLocalStorage<Span>,
  endTime: () => number | undefined = () => undefined,
): OpenSpan => {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceId,
    traceparent: writeTraceParent({ traceId, spanId, flags: traceFlags }),
    rename: (name) => span.updateName(name),
    within: (work) => current.run(span, work),
    end(attributes, failure) {
      span.setAttributes(attributes);
      if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
      span.end(endTime());
    },
  };
};

/** Starts recording. Nothing global is touched: two services in one process do not mix. */
export const startTracing = (options: TracingOptions): Tracing => {
  const exporter = new OTLPTraceExporter({
    url: `${options.endpoint.replace(/\/$/, "")}/v1/traces`,
    headers: { ...options.headers },
    timeoutMillis: 5000,
  });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ "service.name": options.serviceName }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.ratio) }),
    spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 1000 })],
  });
  const tracer: Tracer = provider.getTracer("curfew");
  const current = new AsyncLocalStorage<Span>();

  return {
    receive(name, attributes, received, startedAt = performance.now()) {
      const { context, links } = relationTo(received);
      const startTime = Date.now() - (performance.now() - startedAt);
      const options = { kind: SpanKind.SERVER, attributes, links, startTime };
      const span = tracer.startSpan(name, options, context);
      // A span with a start of its own would be ended by the wall clock, in whole milliseconds.
      return openSpan(span, current, () => startTime + (performance.now() - startedAt));
    },

    call(name, attributes) {
      const parent = current.getStore();
      if (parent?.isRecording() !== true) return undefined;
      const context = trace.setSpan(ROOT_CONTEXT, parent);
      return openSpan(
        tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, context),
        current,
      );
    },

    async stop() {
      let timer: NodeJS.Timeout | undefined;
      const longEnough = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LONGEST_STOP_MS);
      });
      // A receiver that is gone must not hold up the stop.
      await Promise.race([provider.shutdown().catch(() => undefined), longEnough]);
      clearTimeout(timer);
    },
  };
};
