import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** One finished call. */
export interface FinishedCall {
  /** Full method name, for example `curfew.v1.AuthService/ValidateToken`. */
  readonly method: string;
  /** Name of the gRPC status, for example `OK`. */
  readonly code: string;
  /** The reason of `ErrorInfo`; empty when the call succeeded. */
  readonly reason: string;
  readonly seconds: number;
}

/** How the hot store answered: of an ended or a live session, not at all, or not in time. */
export type HotOutcome = "live" | "ended" | "doubt" | "failure";

export interface PoolUse {
  readonly used: number;
  readonly idle: number;
  /** Callers that wait for a connection. */
  readonly waiting: number;
}

export type BreakerState = "closed" | "half_open" | "open";

/** What the service counts. Every method is cheap and never throws. */
export interface Metrics {
  countCall(call: FinishedCall): void;
  countHotAnswer(outcome: HotOutcome): void;
  /** Sessions asked for in one script call of the hot store. */
  countHotBatch(sessions: number): void;
  /** Sessions asked for in one statement of the truth. */
  countTruthBatch(sessions: number): void;
  /** One flush of activity, and how old the oldest of it was. */
  countActivityFlush(sessions: number, lagSeconds: number): void;
  /** Tells where to read the use of the connection pool at each scrape. */
  watchPool(read: () => PoolUse): void;
  /** Tells where to read the state of the hot store's breaker at each scrape. */
  watchBreaker(read: () => BreakerState): void;
  /** All metrics in Prometheus's text format. */
  render(): Promise<string>;
  /** The media type of `render`. */
  readonly contentType: string;
}

const LATENCY_SECONDS = [
  0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
const BATCH_SIZES = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000];
const LAG_SECONDS = [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30];

/** More methods than the contract has are somebody's guesses: they share one label. */
const MOST_METHODS = 100;

const boundedMethods = (): ((method: string) => string) => {
  const known = new Set<string>();
  return (method) => {
    if (known.size < MOST_METHODS) known.add(method);
    return known.has(method) ? method : "other";
  };
};

/** A registry of its own; with `processMetrics`, also memory, CPU, garbage collection and event-loop delay. */
export const createMetrics = ({ processMetrics = true } = {}): Metrics => {
  const registry = new Registry();
  const registers = [registry];
  if (processMetrics) collectDefaultMetrics({ register: registry });

  const calls = new Counter({
    name: "curfew_rpc_calls_total",
    help: "Finished calls by method, gRPC code and reason.",
    labelNames: ["method", "code", "reason"],
    registers,
  });
  const callSeconds = new Histogram({
    name: "curfew_rpc_duration_seconds",
    help: "Time of a call in the server.",
    labelNames: ["method"],
    buckets: LATENCY_SECONDS,
    registers,
  });
  const hotAnswers = new Counter({
    name: "curfew_hot_store_answers_total",
    help: "Answers of the hot store: live, ended, doubt (the truth was asked) or failure.",
    labelNames: ["outcome"],
    registers,
  });
  const batch = (name: string, help: string) =>
    new Histogram({ name, help, buckets: BATCH_SIZES, registers });
  const hotBatches = batch("curfew_hot_store_batch_sessions", "Sessions in one script call.");
  const truthBatches = batch("curfew_truth_batch_sessions", "Sessions in one statement.");
  const flushes = batch("curfew_activity_flush_sessions", "Sessions in one flush of activity.");
  const flushLag = new Histogram({
    name: "curfew_activity_flush_lag_seconds",
    help: "Age of the oldest activity in a flush.",
    buckets: LAG_SECONDS,
    registers,
  });
  const methodLabel = boundedMethods();

  return {
    countCall: ({ method, code, reason, seconds }) => {
      const label = methodLabel(method);
      calls.inc({ method: label, code, reason });
      callSeconds.observe({ method: label }, seconds);
    },
    countHotAnswer: (outcome) => hotAnswers.inc({ outcome }),
    countHotBatch: (sessions) => hotBatches.observe(sessions),
    countTruthBatch: (sessions) => truthBatches.observe(sessions),
    countActivityFlush: (sessions, lagSeconds) => {
      flushes.observe(sessions);
      flushLag.observe(lagSeconds);
    },
    watchPool: (read) => {
      watchPool(registry, read);
    },
    watchBreaker: (read) => {
      watchBreaker(registry, read);
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
};

const watchPool = (registry: Registry, read: () => PoolUse): void => {
  const gauge: Gauge<"state"> = new Gauge({
    name: "curfew_postgres_pool_connections",
    help: "Connections of the PostgreSQL pool by state, and callers waiting for one.",
    labelNames: ["state"],
    registers: [registry],
    collect: () => {
      for (const [state, count] of Object.entries(read())) gauge.set({ state }, count);
    },
  });
};

const BREAKER_STATES = ["closed", "half_open", "open"] as const;

const watchBreaker = (registry: Registry, read: () => BreakerState): void => {
  const gauge: Gauge<"state"> = new Gauge({
    name: "curfew_hot_store_breaker",
    help: "1 for the state that the breaker of the hot store is in.",
    labelNames: ["state"],
    registers: [registry],
    collect: () => {
      const current = read();
      for (const state of BREAKER_STATES) gauge.set({ state }, state === current ? 1 : 0);
    },
  });
};
