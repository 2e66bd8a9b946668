import { type AuditEvent, AuditEvent_Type } from "../../../generated/curfew/v1/audit_event.js";
import { invalidField } from "../../core/errors.js";
import { AUDIT_EVENT_TYPES, type AuditEventType } from "../../core/events/audit_event.js";
import { writeCursor } from "../../core/events/event_cursor.js";
import type { PlacedEvent } from "../../core/ports/audit_log.js";
import { date } from "./session.js";

const TYPES = new Map<AuditEvent_Type, AuditEventType>(
  AUDIT_EVENT_TYPES.map((type) => [AuditEvent_Type[type], type]),
);

/** The kinds of event asked for. @throws CurfewError INVALID_ARGUMENT for one that there is not */
export const eventTypesFromProto = (types: readonly AuditEvent_Type[]): AuditEventType[] =>
  types.map((asked, index) => {
    const type = TYPES.get(asked);
    if (type === undefined) throw invalidField(`types[${index}]`, "must be a kind of event");
    return type;
  });

export const eventToProto = ({ event, position }: PlacedEvent): AuditEvent => ({
  cursor: writeCursor(position),
  type: AuditEvent_Type[event.type],
  at: date(event.at),
  userId: event.userId ?? "",
  sessionId: event.sessionId ?? "",
  actor: event.actor ?? "",
  ip: event.ip ?? "",
  reason: event.reason ?? "",
  metadata: { ...event.metadata },
});
