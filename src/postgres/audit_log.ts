import type { Knex } from "knex";
import type { AuditEvent, AuditEventType } from "../core/audit_event.js";
import type { AuditLog } from "../core/ports/audit_log.js";
import type { EndReason } from "../core/session.js";
import { type Database, run } from "./database.js";

interface EventRow {
  at: Date;
  type: AuditEventType;
  user_id: string | null;
  session_id: string | null;
  actor: string | null;
  ip: string | null;
  reason: string | null;
  metadata: Record<string, string>;
}

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

const eventFromRow = (row: EventRow): AuditEvent => ({
  type: row.type,
  at: row.at.getTime(),
  userId: row.user_id ?? undefined,
  sessionId: row.session_id ?? undefined,
  actor: row.actor ?? undefined,
  ip: row.ip ?? undefined,
  reason: row.reason ?? undefined,
  metadata: row.metadata,
});

const MOST_SUBJECTS = 10;

export const postgresAuditLog = (database: Database): AuditLog => {
  const rows = async <Row>(sql: string, bindings: readonly Knex.RawBinding[]): Promise<Row[]> =>
    (await run<{ rows: Row[] }>(database.raw(sql, bindings))).rows;

  const most = (type: AuditEventType, column: "user_id" | "ip", since: Date) =>
    rows<{ subject: string; count: number }>(
      `SELECT ${column} AS subject, count(*)::int AS count FROM audit_events
       WHERE at >= ? AND type = ? AND coalesce(${column}, '') <> ''
       GROUP BY 1 ORDER BY 2 DESC LIMIT ?`,
      [since, type, MOST_SUBJECTS],
    );

  return {
    async record(events) {
      if (events.length > 0) await run(database("audit_events").insert(events.map(eventColumns)));
    },

    async endingOf(sessionId) {
      const [row] = await rows<EventRow>(
        `SELECT * FROM audit_events WHERE session_id = ? AND type = 'SESSION_ENDED'
         ORDER BY event_id DESC LIMIT 1`,
        [sessionId],
      );
      return row && eventFromRow(row);
    },

    async statistics(sinceMs) {
      const since = new Date(sinceMs);
      const counts = await rows<{ type: AuditEventType; reason: string | null; count: number }>(
        `SELECT type, CASE WHEN type = 'SESSION_ENDED' THEN reason END AS reason, count(*)::int AS count
         FROM audit_events WHERE at >= ? GROUP BY 1, 2`,
        [since],
      );
      const of = (type: AuditEventType) =>
        counts.filter((row) => row.type === type).reduce((sum, { count }) => sum + count, 0);
      const [failingUsers, failingAddresses, reusingUsers] = await Promise.all([
        most("LOGIN_FAILED", "user_id", since),
        most("LOGIN_FAILED", "ip", since),
        most("REFRESH_REUSED", "user_id", since),
      ]);
      return {
        logins: of("LOGIN"),
        failedLogins: of("LOGIN_FAILED"),
        refreshes: of("REFRESHED"),
        endings: counts
          .filter((row) => row.type === "SESSION_ENDED")
          .map(({ reason, count }) => ({ reason: reason as EndReason, count })),
        failingUsers,
        failingAddresses,
        reusingUsers,
      };
    },

    async deleteBefore(at, limit) {
      const deleted = await rows(
        `DELETE FROM audit_events WHERE event_id IN (
           SELECT event_id FROM audit_events WHERE at < ?
           ORDER BY at LIMIT ? FOR UPDATE SKIP LOCKED
         ) RETURNING 1`,
        [new Date(at), limit],
      );
      return deleted.length;
    },
  };
};
