import type { AuditLog } from "../ports/audit_log.js";
import type { AuditEvent } from "./audit_event.js";
import { addressChanges } from "./patterns/address_change.js";
import { newDevices } from "./patterns/new_device.js";
import { failedLoginPatterns, revocationBursts } from "./patterns/repetition.js";
import type { UnusualPattern } from "./patterns/unusual_pattern.js";

/** The name of the follower that receives the events, over all replicas. */
const FOLLOWER = "unusual_patterns";
const BATCH = 500;

/** The result of one round. */
export interface PatternRound {
  /** The events that were looked at. */
  readonly events: readonly AuditEvent[];
  /** The patterns that were found in them and reported, each as one event. */
  readonly found: readonly AuditEvent[];
}

/** A refresh token presented long after its use has ended its session. */
const refreshReuses = (events: readonly AuditEvent[]): UnusualPattern[] =>
  events
    .filter((event) => event.type === "REFRESH_REUSED" && event.reason === "end")
    .map((event) => ({ kind: "refresh_reuse", event, metadata: {} }));

const toEvent = ({ kind, event, metadata }: UnusualPattern): AuditEvent => ({
  ...event,
  type: "UNUSUAL_ACTIVITY",
  reason: kind,
  metadata,
});

/**
 * Searches all unread events for patterns that an operator should know of, and writes one event for each pattern, in
 * the transaction that stores the position of the search: once over all replicas. Does nothing while another replica
 * searches.
 *
 * @param onRound receives the result of each batch after its commit
 */
export const unusualPatterns =
  (deps: { audit: Pick<AuditLog, "follow"> }, onRound: (round: PatternRound) => void = () => {}) =>
  async (): Promise<void> => {
    for (;;) {
      const followed = await deps.audit.follow(FOLLOWER, BATCH, async (events, history) => {
        const patterns = [
          ...refreshReuses(events),
          ...(await failedLoginPatterns(events, history)),
          ...(await revocationBursts(events, history)),
          ...(await newDevices(events, history)),
          ...(await addressChanges(events, history)),
        ];
        return patterns.map(toEvent);
      });
      if (followed === undefined) return;
      if (followed.events.length > 0) onRound({ events: followed.events, found: followed.written });
      if (!followed.more) return;
    }
  };
