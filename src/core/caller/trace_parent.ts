/** Where a call stands in a distributed trace (W3C Trace Context, level 1). */
export interface TraceParent {
  /** 32 hexadecimal digits, not all 0. */
  readonly traceId: string;
  /** The caller's span: 16 hexadecimal digits, not all 0. */
  readonly spanId: string;
  /** Bit 0: the caller records its spans. */
  readonly flags: number;
}

/** The trace context that came with a call or a request. */
export interface ReceivedTrace {
  /** The headers as they came; empty: there are none. */
  readonly traceparent: string;
  readonly tracestate: string;
  /**
   * Whether the sender of the trace context is trusted: a service that has authenticated, our own gateway or a trusted
   * proxy. Any other caller could have each of its calls recorded, and add its spans to other callers' traces.
   */
  readonly isBelieved: boolean;
}

const FORM = /^(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})$/;

/** Reads a `traceparent` header; undefined for none, or one that is not well-formed. */
export const readTraceParent = (header: string): TraceParent | undefined => {
  const [, traceId, spanId, flags] = FORM.exec(header) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
};

export const writeTraceParent = ({ traceId, spanId, flags }: TraceParent): string =>
  `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, "0")}`;
