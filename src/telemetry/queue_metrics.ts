import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { WORK_CLASSES } from "../core/ports/work_class.js";

/** Connections to Postgres, and what each class of work does with them. */
export interface PoolState {
  readonly used: number;
  readonly idle: number;
  /** Connections that are being opened. */
  readonly opening: number;
  readonly classes: Readonly<Record<string, { readonly used: number; readonly waiting: number }>>;
}

/** The metrics of the queue in front of Postgres, by class of work. */
export interface QueueMetrics {
  /** Work got a connection after waiting so many milliseconds. */
  onAdmitted(work: string, waitedMs: number): void;
  /** Work was refused as OVERLOADED. */
  onRefused(work: string, cause: string): void;
  /** Registers the function that each scrape calls to read the state of the pool. */
  watchPool(read: () => PoolState): void;
}

const WAIT_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export const queueMetrics = (registry: Registry): QueueMetrics => {
  const registers = [registry];
  const waits = new Histogram({
    name: "curfew_postgres_queue_wait_seconds",
    help: "How long work waited for a PostgreSQL connection, by class of work.",
    labelNames: ["class"],
    buckets: WAIT_SECONDS,
    registers,
  });
  const refused = new Counter({
    name: "curfew_postgres_queue_refused_total",
    help: "Work that was refused as OVERLOADED, by class of work and cause (queue_full, too_late).",
    labelNames: ["class", "cause"],
    registers,
  });
  // A counter that is first seen at 1 has no rate.
  for (const work of WORK_CLASSES)
    for (const cause of ["queue_full", "too_late"]) refused.inc({ class: work, cause }, 0);
  return {
    onAdmitted: (work, waitedMs) => waits.observe({ class: work }, waitedMs / 1000),
    onRefused: (work, cause) => refused.inc({ class: work, cause }),
    watchPool: (read) => watchPool(registry, read),
  };
};

const watchPool = (registry: Registry, read: () => PoolState): void => {
  const registers = [registry];
  const connections: Gauge<"state"> = new Gauge({
    name: "curfew_postgres_pool_connections",
    help: "Connections of the PostgreSQL pool by state (used, idle, opening), and work waiting for one.",
    labelNames: ["state"],
    registers,
    collect: () => {
      const { classes, ...states } = read();
      for (const [state, count] of Object.entries(states)) connections.set({ state }, count);
      const waiting = Object.values(classes).reduce((sum, work) => sum + work.waiting, 0);
      connections.set({ state: "waiting" }, waiting);
    },
  });
  const byClass = (name: string, help: string, of: "used" | "waiting"): void => {
    const gauge: Gauge<"class"> = new Gauge({
      name,
      help,
      labelNames: ["class"],
      registers,
      collect: () => {
        for (const [work, state] of Object.entries(read().classes))
          gauge.set({ class: work }, state[of]);
      },
    });
  };
  byClass(
    "curfew_postgres_queue_length",
    "Work waiting for a PostgreSQL connection, by class.",
    "waiting",
  );
  byClass(
    "curfew_postgres_class_connections",
    "PostgreSQL connections in use, by class of work.",
    "used",
  );
};
