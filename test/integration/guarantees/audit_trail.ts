import type { AuditEventType } from "../../../src/core/events/audit_event.js";
import type { CoreReplica } from "../../support/core_replica.js";

export interface AuditRow {
  readonly type: AuditEventType;
  readonly at: Date;
  readonly actor: string | null;
  readonly ip: string | null;
  readonly reason: string | null;
  readonly user_id: string | null;
  readonly session_id: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** The transaction that wrote it. */
  readonly transaction: string;
}

/** The audit events that match, in the order in which they were written. */
export const auditTrail = async (
  replica: CoreReplica,
  match: Partial<Pick<AuditRow, "type" | "user_id" | "session_id">>,
): Promise<AuditRow[]> =>
  replica
    .database("audit_events")
    .where(match)
    .orderBy("event_id")
    .select<AuditRow[]>("*", replica.database.raw("xmin::text AS transaction"));
