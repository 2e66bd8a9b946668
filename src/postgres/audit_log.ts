import type { AuditEventType } from "../core/events/audit_event.js";
import type { AuditLog, SubjectCount } from "../core/ports/audit_log.js";
import type { EndReason } from "../core/session/session.js";
import { type Database, run } from "./database.js";
import { orderedEvents } from "./event_order.js";
import { type EventRow, eventColumns, eventColumnsOf, eventFromRow } from "./event_row.js";
import { EVENT_SOURCE } from "./event_source.js";
import { plannedRows } from "./statements.js";

const MAX_SUBJECTS = 10;
const MAX_PATTERNS = 100;
const MAX_CLIENTS = 100;

/** The reports of each subject, and their number; a pattern that counts states its own number. */
const UNUSUAL = `
  SELECT e.reason AS kind, coalesce(e.user_id, e.actor, e.ip, '') AS subject,
    greatest(count(*), max((e.metadata->>'count')::bigint))::int AS count
  FROM audit_events e WHERE e.type = 'UNUSUAL_ACTIVITY' AND e.at >= ?
  GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?`;

const LOGINS_BY_CLIENT = `
  SELECT coalesce(e.metadata->>'client_id', '') AS subject, count(*)::int AS count
  FROM audit_events e WHERE e.at >= ? AND e.type = 'LOGIN'
  GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?`;

export const postgresAuditLog = (database: Database): AuditLog => {
  const rows = plannedRows(database);
  const ordered = orderedEvents(database, rows);

  const mostFailed = (subject: "e.user_id" | typeof EVENT_SOURCE, since: Date) =>
    rows<SubjectCount>(
      `SELECT ${subject} AS subject, count(*)::int AS count FROM audit_events e
       WHERE e.at >= ? AND e.type = 'LOGIN_FAILED' AND coalesce(${subject}, '') <> ''
       GROUP BY 1 ORDER BY 2 DESC LIMIT ?`,
      [since, MAX_SUBJECTS],
    );

  return {
    ...ordered,

    async record(events) {
      if (events.length > 0) await run(database("audit_events").insert(events.map(eventColumns)));
    },

    async revocationEventOf(sessionId) {
      const [row] = await rows<EventRow>(
        `SELECT ${eventColumnsOf("e")} FROM audit_events e
         WHERE e.session_id = ? AND e.type = 'SESSION_ENDED'
         ORDER BY e.event_id DESC LIMIT 1`,
        [sessionId],
      );
      return row && eventFromRow(row);
    },

    async statistics(sinceMs) {
      const since = new Date(sinceMs);
      // Read first, so that a watcher receives the events that this answer leaves out.
      const { position } = await ordered.head();
      const [counts, failingUsers, failingAddresses, unusual, loginsByClient] = await Promise.all([
        rows<{ type: AuditEventType; reason: string | null; count: number }>(
          `SELECT e.type,
             CASE WHEN e.type IN ('SESSION_ENDED', 'LOGIN_FAILED') THEN e.reason END AS reason,
             count(*)::int AS count
           FROM audit_events e WHERE e.at >= ? GROUP BY 1, 2`,
          [since],
        ),
        mostFailed("e.user_id", since),
        mostFailed(EVENT_SOURCE, since),
        rows<SubjectCount & { kind: string }>(UNUSUAL, [since, MAX_PATTERNS]),
        rows<SubjectCount>(LOGINS_BY_CLIENT, [since, MAX_CLIENTS]),
      ]);
      const of = (type: AuditEventType, reason?: string) =>
        counts
          .filter((row) => row.type === type && (reason === undefined || row.reason === reason))
          .reduce((sum, { count }) => sum + count, 0);
      return {
        logins: of("LOGIN"),
        failedLogins: of("LOGIN_FAILED"),
        throttledLogins: of("LOGIN_FAILED", "TOO_MANY_ATTEMPTS"),
        accountLocks: of("ACCOUNT_LOCKED"),
        refreshes: of("REFRESHED"),
        revocations: counts
          .filter((row) => row.type === "SESSION_ENDED")
          .map(({ reason, count }) => ({ reason: reason as EndReason, count })),
        failingUsers,
        failingAddresses,
        unusual,
        loginsByClient,
        position,
      };
    },

    async deleteBefore(at, limit) {
      const deleted = await rows(
        `WITH due AS MATERIALIZED (
           SELECT e.event_id FROM audit_events e WHERE e.at < ?
           ORDER BY e.at LIMIT ? FOR UPDATE SKIP LOCKED
         )
         DELETE FROM audit_events d USING due WHERE d.event_id = due.event_id RETURNING 1`,
        [new Date(at), limit],
      );
      const forgotten = await rows(
        `WITH due AS MATERIALIZED (
           SELECT k.user_id, k.device FROM known_devices k WHERE k.last_seen_at < ?
           ORDER BY k.last_seen_at LIMIT ? FOR UPDATE SKIP LOCKED
         )
         DELETE FROM known_devices d USING due
         WHERE d.user_id = due.user_id AND d.device = due.device RETURNING 1`,
        [new Date(at), limit],
      );
      return Math.max(deleted.length, forgotten.length);
    },
  };
};
