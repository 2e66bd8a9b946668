import type { AuditLog } from "../ports/audit_log.js";
import type { AuditEvent } from "./audit_event.js";
import { addressChanges } from "./patterns/address_change.js";
import { newDevices } from "./patterns/new_device.js";
import { failedLoginPatterns, revocationBursts } from "./patterns/repetition.js";
import type { UnusualPattern } from "./patterns/unusual_pattern.js";

/** Who the events are handed to, over all replicas. */
const FOLLOWER = "unusual_patterns";
const BATCH = 500;

/** What a round of looking has come to. */
export interface PatternRound {
  /** The events that were looked at. */
  readonly events: readonly AuditEvent[];
  /** The patterns that were found in them and told, each as one event. */
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
 * Looks through all events that nobody has looked at yet for what an operator
 * should know of, and tells each pattern as one event, in the transaction that
 * notes how far it has come: once over all replicas. While another replica is
 * at it, does nothing.
 *
 * @param onRound told of each batch after its commit
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
