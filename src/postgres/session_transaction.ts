import type { Knex } from "knex";
import { type CallLimits, requireCaller } from "../core/call.js";
import type { SessionTransaction } from "../core/ports/session_store.js";
import { attemptStatements } from "./attempt_statements.js";
import { run } from "./database.js";
import { eventColumns } from "./event_row.js";
import { identities } from "./identities.js";
import {
  accountFromRow,
  isUuid,
  SESSION_COLUMNS,
  type SessionRow,
  sessionColumns,
  sessionFromRow,
  type UserRow,
  userColumns,
} from "./rows.js";
import { insertColumns, refreshColumns } from "./session_columns.js";
import { firstIdOf, narrowToLive } from "./session_filter.js";
import { sessionRequests } from "./session_requests.js";
import { preparedRows, type Rows } from "./statements.js";
import { usedSubjectTokens } from "./used_subject_tokens.js";

/**
 * The advisory lock of revocations. Held from the moment a revision is given out
 * until commit, so revocations become visible in the order of their revisions and
 * a reader that has seen one has seen all before it.
 */
const REVOCATIONS_LOCK = 7_302_002;

/** The statements of one transaction. They are refused once `call` is over. */
export const sessionTransaction = (
  trx: Knex.Transaction,
  call?: CallLimits | undefined,
): SessionTransaction => {
  const prepared = preparedRows(trx);
  const rows: Rows = async (sql, bindings) => {
    requireCaller(call);
    return prepared(sql, bindings);
  };
  const table = (name: string): Knex.QueryBuilder => {
    requireCaller(call);
    return trx(name);
  };

  return {
    ...attemptStatements(rows),
    ...identities(rows),
    ...usedSubjectTokens(rows),
    ...sessionRequests(rows),

    async lockUser(userId) {
      if (!isUuid(userId)) return undefined;
      const [row] = await rows<UserRow>(LOCK_USER, [userId]);
      return row && accountFromRow(row);
    },

    async readUser(userId) {
      if (!isUuid(userId)) return undefined;
      const [row] = await rows<UserRow>(READ_USER, [userId]);
      return row && accountFromRow(row);
    },

    async insertUser(account, usernameFolded) {
      const inserted = await run(
        table("users")
          .insert({
            user_id: account.id,
            username: account.username,
            username_folded: usernameFolded,
            display_name: account.displayName,
            roles: account.roles,
            is_active: account.isActive,
            password_hash: account.passwordHash ?? null,
            created_at: new Date(account.createdAt),
          })
          .onConflict("username_folded")
          .ignore()
          .returning("user_id"),
      );
      return inserted.length === 1 ? "inserted" : "username_taken";
    },

    async updateUser(userId, patch) {
      const columns = {
        ...(patch.displayName !== undefined && { display_name: patch.displayName }),
        ...(patch.roles !== undefined && { roles: patch.roles }),
        ...(patch.isActive !== undefined && { is_active: patch.isActive }),
        ...(patch.passwordHash !== undefined && { password_hash: patch.passwordHash }),
      };
      if (Object.keys(columns).length > 0)
        await run(table("users").where("user_id", userId).update(columns));
    },

    async renameUser(userId, username, usernameFolded) {
      const renamed = await rows(RENAME_USER, [userId, username, usernameFolded]);
      return renamed.length === 1;
    },

    async deleteUser(userId) {
      await run(table("users").where("user_id", userId).delete());
    },

    async lockSession(sessionId) {
      if (!isUuid(sessionId)) return undefined;
      const [row] = await rows<SessionRow>(
        `SELECT ${SESSION} FROM sessions s WHERE s.session_id = ? FOR UPDATE`,
        [sessionId],
      );
      return row && sessionFromRow(row);
    },

    async lockOpenSessionsOf(userId) {
      if (!isUuid(userId)) return [];
      const found = await rows<SessionRow>(
        `SELECT ${SESSION} FROM sessions s
         WHERE s.user_id = ? AND s.revoked_at IS NULL ORDER BY s.session_id FOR UPDATE`,
        [userId],
      );
      return found.map(sessionFromRow);
    },

    async lockMatching(filter, liveAt, limit, afterId, upToId) {
      const query = narrowToLive(table("sessions"), filter, liveAt)
        .select(SESSION_COLUMNS)
        .orderBy("session_id")
        .limit(limit)
        .forUpdate();
      if (afterId !== undefined) query.where("session_id", ">", afterId);
      if (upToId !== undefined) query.where("session_id", "<=", upToId);
      return (await run<SessionRow[]>(query)).map(sessionFromRow);
    },

    async insertSession(session, nextCheckAt) {
      const columns = { ...insertColumns(session), next_check_at: new Date(nextCheckAt) };
      const names = Object.keys(columns);
      await rows(
        `INSERT INTO sessions (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
        Object.values(columns),
      );
    },

    async updateSession(sessionId, patch) {
      await run(
        table("sessions")
          .where("session_id", sessionId)
          .update({
            ...(patch.refresh && refreshColumns(patch.refresh)),
            ...(patch.lastActivityAt !== undefined && {
              last_activity_at: new Date(patch.lastActivityAt),
            }),
            ...(patch.jti !== undefined && { jti: patch.jti }),
            ...(patch.accessExpiresAt !== undefined && {
              access_expires_at: new Date(patch.accessExpiresAt),
            }),
          }),
      );
    },

    async revokeSessions(revocations) {
      if (revocations.length === 0) return [];
      const column = <T>(of: (revocation: (typeof revocations)[number]) => T) =>
        revocations.map(of);
      const ended = await rows<SessionRow>(END_SESSIONS, [
        REVOCATIONS_LOCK,
        column((e) => e.sessionId),
        column((e) => e.reason),
        column((e) => new Date(e.at)),
        column((e) => e.by),
        column((e) => e.ip ?? ""),
        column((e) => e.note ?? ""),
      ]);
      return ended.map(sessionFromRow);
    },

    async lockDue(now, limit) {
      const due = await rows<SessionRow>(
        `SELECT ${SESSION} FROM sessions s WHERE s.revoked_at IS NULL AND s.next_check_at <= ?
         ORDER BY s.next_check_at LIMIT ? FOR UPDATE SKIP LOCKED`,
        [new Date(now), limit],
      );
      return due.map(sessionFromRow);
    },

    async lockUnanswered({ createdAfter, createdBefore }, limit, afterId) {
      const found = await rows<SessionRow>(LOCK_UNANSWERED, [
        firstIdOf(createdAfter),
        firstIdOf(createdBefore),
        afterId ?? firstIdOf(0),
        limit,
      ]);
      return found.map(sessionFromRow);
    },

    async postponeChecks(checks) {
      await rows(
        `UPDATE sessions s SET next_check_at = c.at
         FROM unnest(?::uuid[], ?::timestamptz[]) AS c(session_id, at)
         WHERE s.session_id = c.session_id`,
        [checks.map((c) => c.sessionId), checks.map((c) => new Date(c.nextCheckAt))],
      );
    },

    async forgetHot(userId) {
      if (!isUuid(userId)) return [];
      const forgotten = await rows<{ session_id: string }>(FORGET_HOT, [userId]);
      return forgotten.map((row) => row.session_id);
    },

    async record(events) {
      if (events.length === 0) return;
      const columns = events.map(eventColumns);
      const column = <T>(of: (event: (typeof columns)[number]) => T) => columns.map(of);
      await rows(RECORD, [
        column((e) => e.at),
        column((e) => e.type),
        column((e) => e.user_id),
        column((e) => e.session_id),
        column((e) => e.actor),
        column((e) => e.ip),
        column((e) => e.reason),
        column((e) => e.metadata),
      ]);
    },
  };
};

const SESSION = sessionColumns("s");

const READ_USER = `SELECT ${userColumns("u")} FROM users u WHERE u.user_id = ?`;
/** A name that another transaction takes at the same time violates the unique index. */
const RENAME_USER = `
  WITH given AS (SELECT ?::uuid AS user_id, ?::text AS username, ?::text AS folded)
  UPDATE users u SET username = given.username, username_folded = given.folded
  FROM given WHERE u.user_id = given.user_id AND NOT EXISTS (
    SELECT 1 FROM users o WHERE o.username_folded = given.folded AND o.user_id <> given.user_id)
  RETURNING u.user_id`;
const LOCK_USER = `${READ_USER} FOR UPDATE`;

/**
 * The rows are locked by the caller. The join on `turn` makes each row wait for
 * the advisory lock before its revision is drawn.
 */
const END_SESSIONS = `
  WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(?) IS NOT NULL AS mine),
  ended AS (
    UPDATE sessions s
    SET revoked_at = e.at, end_reason = e.reason, ended_by = e.by,
        revision = nextval('session_revision'), relevant_until = s.access_expires_at,
        hot_pending = true
    FROM turn, unnest(?::uuid[], ?::text[], ?::timestamptz[], ?::text[], ?::text[], ?::text[])
      AS e(session_id, reason, at, by, ip, note)
    WHERE s.session_id = e.session_id AND s.revoked_at IS NULL AND turn.mine
    RETURNING ${sessionColumns("s")}, e.ip AS event_ip, e.note AS event_note
  ),
  told AS (
    INSERT INTO audit_events (at, type, user_id, session_id, actor, ip, reason, metadata)
    SELECT ended.revoked_at, 'SESSION_ENDED', ended.user_id, ended.session_id, ended.ended_by,
      ended.event_ip, ended.end_reason,
      CASE WHEN ended.event_note = '' THEN '{}'::jsonb
        ELSE jsonb_build_object('note', ended.event_note) END
    FROM ended ORDER BY ended.revision
  )
  SELECT ${sessionColumns("ended")} FROM ended ORDER BY ended.revision`;

/** Ids are UUIDv7, so their index answers for the time of creation. */
const LOCK_UNANSWERED = `
  SELECT ${SESSION} FROM sessions s
  WHERE s.session_id >= ?::uuid AND s.session_id < ?::uuid AND s.session_id > ?::uuid
    AND s.revoked_at IS NULL AND s.unanswered_generation = 1 AND s.refresh_generation = 1
    AND s.last_activity_at <= s.created_at
  ORDER BY s.session_id LIMIT ? FOR UPDATE OF s SKIP LOCKED`;

const RECORD = `
  INSERT INTO audit_events (at, type, user_id, session_id, actor, ip, reason, metadata)
  SELECT e.at, e.type, e.user_id, e.session_id, e.actor, e.ip, e.reason, e.metadata
  FROM unnest(?::timestamptz[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[],
    ?::text[], ?::jsonb[]) AS e (at, type, user_id, session_id, actor, ip, reason, metadata)`;

const FORGET_HOT = `
  WITH held AS (
    SELECT h.session_id FROM sessions h WHERE h.user_id = ? AND h.revoked_at IS NULL
    ORDER BY h.session_id FOR UPDATE
  )
  UPDATE sessions s SET hot_pending = true, hot_changes = hot_changes + 1
  FROM held WHERE s.session_id = held.session_id
  RETURNING s.session_id`;
