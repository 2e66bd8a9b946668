import type { AuditEvent, AuditEventType } from "../core/events/audit_event.js";
import type { PlacedEvent } from "../core/ports/audit_log.js";

/** A row of `audit_events`. */
export interface EventRow {
  at: Date;
  type: AuditEventType;
  user_id: string | null;
  session_id: string | null;
  actor: string | null;
  ip: string | null;
  reason: string | null;
  metadata: Record<string, string>;
}

/** A row with its place in the order of events; both numbers outgrow doubles. */
export interface PlacedEventRow extends EventRow {
  transaction_id: string;
  event_id: string;
}

/** The columns of an EventRow, as SQL, of a table or its alias. */
export const eventColumnsOf = (table: string): string =>
  ["at", "type", "user_id", "session_id", "actor", "ip", "reason", "metadata"]
    .map((column) => `${table}.${column}`)
    .join(", ");

/** The columns of a PlacedEventRow. */
export const placedColumnsOf = (table: string): string =>
  `${table}.transaction_id, ${table}.event_id, ${eventColumnsOf(table)}`;

/** A row of `audit_events` for an event. */
export const eventColumns = (event: AuditEvent) => ({
  at: new Date(event.at),
  type: event.type,
  user_id: event.userId ?? null,
  session_id: event.sessionId ?? null,
  actor: event.actor ?? null,
  ip: event.ip ?? null,
  reason: event.reason ?? null,
  metadata: JSON.stringify(event.metadata ?? {}),
});

export const eventFromRow = (row: EventRow): AuditEvent => ({
  type: row.type,
  at: row.at.getTime(),
  userId: row.user_id ?? undefined,
  sessionId: row.session_id ?? undefined,
  actor: row.actor ?? undefined,
  ip: row.ip ?? undefined,
  reason: row.reason ?? undefined,
  metadata: row.metadata,
});

export const placedFromRow = (row: PlacedEventRow): PlacedEvent => ({
  event: eventFromRow(row),
  position: {
    transactionId: BigInt(row.transaction_id),
    eventId: BigInt(row.event_id),
    at: row.at.getTime(),
  },
});
