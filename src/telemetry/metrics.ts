import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type CountCall, callMetrics } from "./call_metrics.js";
import { type JobMetrics, jobMetrics } from "./job_metrics.js";
import { type QueueMetrics, queueMetrics } from "./queue_metrics.js";
import { type CountRefusal, refusalMetrics } from "./refusal_metrics.js";
import { type SessionMetrics, sessionMetrics } from "./session_metrics.js";

/** How the hot store answered: of an ended or a live session, not at all, or not in time. */
export type HotOutcome = "live" | "ended" | "doubt" | "failure";

export type BreakerState = "closed" | "half_open" | "open";

/** The metrics of the service. Every method is cheap and never throws. */
export interface Metrics {
  /**
   * One finished call: the method's full name, for example
   * `curfew.v1.AuthService/ValidateToken`, the name of its gRPC status, the
   * reason of its `ErrorInfo` (empty: it succeeded), and its time.
   */
  readonly countCall: CountCall;
  readonly countRefusal: CountRefusal;
  countHotAnswers(outcome: HotOutcome, questions: number): void;
  /** Sessions asked for in one script call of the hot store. */
  countHotBatch(sessions: number): void;
  /** Sessions asked for in one statement of the primary store. */
  countPrimaryStoreBatch(sessions: number): void;
  /** One flush of activity, and how old the oldest of it was. */
  countActivityFlush(sessions: number, lagSeconds: number): void;
  /** Registers the function that each scrape calls to read the state of the hot store's breaker. */
  watchBreaker(read: () => BreakerState): void;
  readonly sessions: SessionMetrics;
  readonly jobs: JobMetrics;
  /** The connections to Postgres, and the queue in front of them. */
  readonly queue: QueueMetrics;
  /** What holds them all. */
  readonly registry: Registry;
  /** All metrics in Prometheus's text format. */
  render(): Promise<string>;
  /** The media type of `render`. */
  readonly contentType: string;
}

const BATCH_SIZES = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000];
const LAG_SECONDS = [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30];

/** A registry of its own; with `processMetrics`, also memory, CPU, garbage collection and event-loop delay. */
export const createMetrics = ({ processMetrics = true } = {}): Metrics => {
  const registry = new Registry();
  const registers = [registry];
  if (processMetrics) collectDefaultMetrics({ register: registry });

  const countHotAnswers = hotAnswers(registry);
  const batch = (name: string, help: string) =>
    new Histogram({ name, help, buckets: BATCH_SIZES, registers });
  const hotBatches = batch("curfew_hot_store_batch_sessions", "Sessions in one script call.");
  const primaryStoreBatches = batch("curfew_truth_batch_sessions", "Sessions in one statement.");
  const flushes = batch("curfew_activity_flush_sessions", "Sessions in one flush of activity.");
  const flushLag = new Histogram({
    name: "curfew_activity_flush_lag_seconds",
    help: "Age of the oldest activity in a flush.",
    buckets: LAG_SECONDS,
    registers,
  });

  return {
    countCall: callMetrics(registry),
    countRefusal: refusalMetrics(registry),
    countHotAnswers,
    sessions: sessionMetrics(registry),
    jobs: jobMetrics(registry, Date.now),
    queue: queueMetrics(registry),
    registry,
    countHotBatch: (sessions) => hotBatches.observe(sessions),
    countPrimaryStoreBatch: (sessions) => primaryStoreBatches.observe(sessions),
    countActivityFlush: (sessions, lagSeconds) => {
      flushes.observe(sessions);
      flushLag.observe(lagSeconds);
    },
    watchBreaker: (read) => {
      watchBreaker(registry, read);
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
};

/** Counted in plain numbers, because it happens at every validation. */
const hotAnswers = (registry: Registry): Metrics["countHotAnswers"] => {
  const counts: Record<HotOutcome, number> = { live: 0, ended: 0, doubt: 0, failure: 0 };
  const counter: Counter<"outcome"> = new Counter({
    name: "curfew_hot_store_answers_total",
    help: "Answers of the hot store: live, ended, doubt (the primary store was asked) or failure.",
    labelNames: ["outcome"],
    registers: [registry],
    collect: () => {
      counter.reset();
      for (const [outcome, count] of Object.entries(counts)) counter.inc({ outcome }, count);
    },
  });
  return (outcome, questions) => {
    counts[outcome] += questions;
  };
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
