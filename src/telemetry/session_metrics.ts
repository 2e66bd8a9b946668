import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { AUDIT_EVENT_TYPES, type AuditEvent } from "../core/events/audit_event.js";
import { PATTERN_KINDS } from "../core/events/patterns/unusual_pattern.js";
import type { SessionCounts } from "../core/ports/session_counts.js";
import { END_REASONS } from "../core/session/session.js";

const LAG_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The metrics of sessions and of the operations on them. */
export interface SessionMetrics {
  /**
   * Registers the function that each scrape calls to read the last count of sessions; it returns undefined if there is
   * none.
   */
  watchSessions(read: () => SessionCounts | undefined): void;
  /** Events that this replica was the one to look through: each counts once over all replicas. */
  countEvents(events: readonly AuditEvent[], patterns: readonly AuditEvent[]): void;
  /** The time from the revocation of a session to its report to watchers, in seconds. */
  countRevocationLag(seconds: number): void;
}

export const sessionMetrics = (registry: Registry): SessionMetrics => {
  const registers = [registry];
  const byLabel = <Label extends string>(
    name: string,
    help: string,
    label: Label,
    values: readonly string[],
  ) => {
    const counter = new Counter<string>({ name, help, labelNames: [label], registers });
    // An alert on an event that has never happened needs an existing series.
    for (const value of values) counter.inc({ [label]: value }, 0);
    return (value: string) => counter.inc({ [label]: value });
  };
  const countEvent = byLabel(
    "curfew_security_events_total",
    "Security events by type; each is counted by one replica.",
    "type",
    AUDIT_EVENT_TYPES,
  );
  const countRevocation = byLabel(
    "curfew_sessions_ended_total",
    "Sessions that ended, by reason; each is counted by one replica.",
    "reason",
    END_REASONS,
  );
  const countPattern = byLabel(
    "curfew_unusual_patterns_total",
    "Unusual patterns found, by kind; each is counted by one replica.",
    "kind",
    PATTERN_KINDS,
  );
  const revocationLag = new Histogram({
    name: "curfew_revocation_lag_seconds",
    help: "From the end of a session to its being told to watchers of revocations.",
    buckets: LAG_SECONDS,
    registers,
  });

  return {
    watchSessions(read) {
      const gauge: Gauge<"state"> = new Gauge({
        name: "curfew_sessions",
        help: "Sessions on record by state, counted by one replica for all: do not sum over replicas.",
        labelNames: ["state"],
        aggregator: "max",
        registers,
        collect: () => {
          for (const [state, count] of Object.entries(read() ?? {})) gauge.set({ state }, count);
        },
      });
    },
    countEvents(events, patterns) {
      for (const { type, reason } of events) {
        countEvent(type);
        if (type === "SESSION_ENDED") countRevocation(reason ?? "");
      }
      for (const { reason } of patterns) countPattern(reason ?? "");
    },
    countRevocationLag: (seconds) => revocationLag.observe(Math.max(0, seconds)),
  };
};
