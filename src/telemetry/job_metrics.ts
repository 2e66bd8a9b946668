import { Counter, Gauge, type Registry } from "prom-client";

/** A signing or refresh key, as far as metrics are concerned. */
export interface KeyAge {
  readonly use: string;
  /** Since when the key that signs has signed, in milliseconds since the epoch. */
  readonly activeSince: number;
}

/** The metrics of background work. */
export interface JobMetrics {
  /** One run of a job has ended, well or not. */
  countRun(job: string, ok: boolean): void;
  /** Sessions that cleanup has marked as ended or deleted. */
  countCleaned(sessions: number): void;
  /** Registers the function that each scrape calls to read since when keys have signed. */
  watchKeys(read: () => readonly KeyAge[]): void;
  /** Registers the function that each scrape calls to read for how many seconds the order of events has waited. */
  watchEventOrder(read: () => number): void;
}

export const jobMetrics = (registry: Registry, now: () => number): JobMetrics => {
  const registers = [registry];
  const runs = new Counter({
    name: "curfew_job_runs_total",
    help: "Runs of background work by job and outcome (ok, error).",
    labelNames: ["job", "outcome"],
    registers,
  });
  const lastSuccess = new Gauge({
    name: "curfew_job_last_success_timestamp_seconds",
    help: "When background work last ended well, in seconds since the epoch.",
    labelNames: ["job"],
    aggregator: "max",
    registers,
  });
  const cleaned = new Counter({
    name: "curfew_cleaned_sessions_total",
    help: "Sessions that cleanup has marked as ended or deleted.",
    registers,
  });
  return {
    countRun(job, ok) {
      runs.inc({ job, outcome: "error" }, ok ? 0 : 1);
      runs.inc({ job, outcome: "ok" }, ok ? 1 : 0);
      if (ok) lastSuccess.set({ job }, now() / 1000);
    },
    countCleaned: (sessions) => cleaned.inc(sessions),
    watchEventOrder(read) {
      const gauge: Gauge = new Gauge({
        name: "curfew_event_order_lag_seconds",
        help: "For how long WatchSessionEvents and pattern detection have waited for a transaction that wrote events.",
        aggregator: "max",
        registers,
        collect: () => gauge.set(read()),
      });
    },
    watchKeys(read) {
      const gauge: Gauge<"use"> = new Gauge({
        name: "curfew_key_age_seconds",
        help: "How long the key that signs has signed, by use.",
        labelNames: ["use"],
        aggregator: "max",
        registers,
        collect: () => {
          for (const { use, activeSince } of read())
            gauge.set({ use }, Math.max(0, (now() - activeSince) / 1000));
        },
      });
    },
  };
};
