import type { Knex } from "knex";
import { type CallLimits, requireCaller } from "../core/call.js";
import { overloaded } from "../core/errors.js";
import type { LiveAt, SessionStore } from "../core/ports/session_store.js";
import { type Database, databaseFailure, primaryIdOf, run, worthRepeating } from "./database.js";
import { endedSessions } from "./ended_sessions.js";
import { borrow } from "./lending.js";
import { revocationOrder } from "./revocation_order.js";
import { rotateSessions } from "./rotation.js";
import { isUuid, SESSION_COLUMNS, type SessionRow, sessionFromRow } from "./rows.js";
import { countLive, countSessions, endOfSlice } from "./session_count.js";
import {
  dueForCheck,
  type Narrow,
  narrowings,
  narrowToLive,
  seeksTimedOut,
} from "./session_filter.js";
import { sessionStatuses } from "./session_statuses.js";
import { sessionTransaction } from "./session_transaction.js";
import { preparedRows } from "./statements.js";
import { deleteUsesBefore } from "./used_subject_tokens.js";

/** How often a transaction is run again after a deadlock before the caller hears that too many want the same rows. */
const MAX_RUNS = 4;

/** More sessions that are due to be looked at than these are many among those that are open. */
const MAX_DUE = 10_000;

/** The primary store of users and sessions, in Postgres. */
export const postgresSessionStore = (database: Database): SessionStore => {
  const rows = preparedRows(database);
  const primaryId = () => primaryIdOf(database);

  /** Narrows the search for timed-out sessions to those that are due, unless the sweeper has fallen far behind. */
  const amongDue = async (liveAt: LiveAt): Promise<Narrow | undefined> => {
    const due = dueForCheck(liveAt, MAX_DUE);
    const some = due(database("sessions").select("next_check_at")).as("some");
    const [counted] = await run<{ count: string }[]>(database.from(some).count({ count: "*" }));
    if (Number(counted?.count) >= MAX_DUE) return undefined;
    return (query) => query.from(due(database("sessions").select(SESSION_COLUMNS)).as("sessions"));
  };

  /** Runs `work` in one transaction, which is not committed once `call` is over. */
  const inTransaction = async <T>(
    work: (trx: Knex.Transaction) => Promise<T>,
    call: CallLimits | undefined,
  ): Promise<T> => {
    for (let runs = 1; ; runs++) {
      requireCaller(call);
      try {
        const { connection, giveBack } = await borrow(database, call);
        const begin = database.transaction(
          async (trx) => {
            const result = await work(trx);
            // The last moment at which the work can be undone: COMMIT is sent next.
            requireCaller(call);
            return result;
          },
          { connection },
        );
        return await begin.finally(giveBack);
      } catch (error) {
        if (!worthRepeating(error instanceof Error ? (error.cause ?? error) : error))
          throw databaseFailure(error);
        if (runs === MAX_RUNS) throw overloaded(undefined, error);
      }
    }
  };

  return {
    ...endedSessions(rows, primaryId),
    ...revocationOrder(rows, primaryId),
    sessionStatuses: sessionStatuses(rows, primaryId),
    deleteTokenUses: (at, limit) => deleteUsesBefore(rows, at, limit),

    transaction: (work, call) => inTransaction((trx) => work(sessionTransaction(trx, call)), call),

    async rotate(rotations, liveAt, call) {
      const possible = rotations.filter(({ sessionId }) => isUuid(sessionId));
      if (possible.length === 0) return rotations.map(() => undefined);
      const rotated = await inTransaction((trx) => {
        requireCaller(call);
        return rotateSessions(preparedRows(trx), possible, liveAt);
      }, call);
      return rotations.map(({ sessionId }) => rotated.get(sessionId));
    },

    async get(sessionId) {
      if (!isUuid(sessionId)) return undefined;
      const row = await run(
        database("sessions").where("session_id", sessionId).first(SESSION_COLUMNS),
      );
      return row && sessionFromRow(row);
    },

    async liveOf(userId, liveAt) {
      const query = narrowToLive(database("sessions"), { userId }, liveAt)
        .select(SESSION_COLUMNS)
        .orderBy("session_id", "desc");
      return (await run<SessionRow[]>(query)).map(sessionFromRow);
    },

    async list({ filter, liveAt, order, after, limit }) {
      if (after !== undefined && !isUuid(after)) return [];
      const newestFirst = order === "created_desc";
      const page = (query: Knex.QueryBuilder) =>
        query.orderBy("session_id", newestFirst ? "desc" : "asc").limit(limit);
      const open = seeksTimedOut(filter) ? await amongDue(liveAt) : undefined;
      const parts = narrowings(filter, liveAt, open).map((narrow) => {
        const query = narrow(database("sessions")).select(SESSION_COLUMNS);
        if (after !== undefined) query.where("session_id", newestFirst ? "<" : ">", after);
        return page(query);
      });
      const [only, ...more] = parts;
      const query = more.length === 0 ? only : page(database.unionAll(parts, true));
      return query ? (await run<SessionRow[]>(query)).map(sessionFromRow) : [];
    },

    async openSessionsByUser(afterUserId, limit) {
      const found = await rows<{ user_id: string; open: number }>(OPEN_BY_USER, [
        afterUserId ?? NIL_UUID,
        limit,
      ]);
      return found.map((row) => ({ userId: row.user_id, open: row.open }));
    },

    countLive: (filter, liveAt) => countLive(database, filter, liveAt),
    endOfSlice: (filter, afterId) => endOfSlice(database, filter, afterId),

    count: (liveAt) => countSessions(rows, liveAt),

    async forgetRequests(now, limit) {
      return (await rows(FORGET_REQUESTS, [new Date(now), limit])).length;
    },

    async markAnswered(answers) {
      const done = await rows<{ session_id: string }>(MARK_ANSWERED, [
        answers.map((answered) => answered.sessionId),
        answers.map((answered) => answered.generation),
        answers.map((answered) => new Date(answered.at)),
      ]);
      return done.map((row) => row.session_id);
    },

    async touch(activity) {
      const possible = activity.filter((a) => isUuid(a.sessionId));
      const done = await rows<{ session_id: string }>(TOUCH, [
        possible.map((a) => a.sessionId),
        possible.map((a) => new Date(a.at)),
      ]);
      const impossible = activity.filter((a) => !isUuid(a.sessionId));
      return [...done.map((row) => row.session_id), ...impossible.map((a) => a.sessionId)];
    },
  };
};

const NIL_UUID = "00000000-0000-0000-0000-000000000000";

/** In the order of the index of open sessions by user, so that it ends after the last user asked for. */
const OPEN_BY_USER = `
  SELECT s.user_id, count(*)::int AS open FROM sessions s
  WHERE s.revoked_at IS NULL AND s.user_id > ?::uuid
  GROUP BY s.user_id ORDER BY s.user_id LIMIT ?`;

const FORGET_REQUESTS = `
  WITH due AS MATERIALIZED (
    SELECT r.caller, r.idempotency_key FROM session_requests r WHERE r.expires_at <= ?
    ORDER BY r.expires_at LIMIT ? FOR UPDATE SKIP LOCKED
  )
  DELETE FROM session_requests d USING due
  WHERE d.caller = due.caller AND d.idempotency_key = due.idempotency_key
  RETURNING 1`;

/** Rows that another transaction holds are left for the next flush, so that activity never waits and never deadlocks. */
const TOUCH = `
  WITH used AS (
    SELECT u.session_id, u.at FROM unnest(?::uuid[], ?::timestamptz[]) AS u (session_id, at)
  ),
  held AS (
    SELECT s.session_id FROM sessions s JOIN used ON used.session_id = s.session_id
    WHERE s.revoked_at IS NULL
    FOR UPDATE OF s SKIP LOCKED
  ),
  touched AS (
    UPDATE sessions s SET last_activity_at = used.at
    FROM used JOIN held ON held.session_id = used.session_id
    WHERE s.session_id = used.session_id AND s.last_activity_at < used.at
  )
  SELECT used.session_id FROM used
  LEFT JOIN held ON held.session_id = used.session_id
  LEFT JOIN sessions s ON s.session_id = used.session_id AND s.revoked_at IS NULL
  WHERE held.session_id IS NOT NULL OR s.session_id IS NULL`;

/**
 * Rows that another transaction holds are left for the next flush. A mark that
 * is gone was cleared by an earlier answer, or by the next rotation.
 */
const MARK_ANSWERED = `
  WITH answered AS (
    SELECT g.session_id, g.generation, g.at
    FROM unnest(?::uuid[], ?::int[], ?::timestamptz[]) AS g (session_id, generation, at)
  ),
  held AS (
    SELECT s.session_id FROM sessions s JOIN answered a ON a.session_id = s.session_id
    WHERE s.unanswered_generation = a.generation AND s.revoked_at IS NULL
    FOR UPDATE OF s SKIP LOCKED
  ),
  marked AS (
    UPDATE sessions s SET unanswered_generation = NULL, rotated_at = a.at
    FROM answered a JOIN held ON held.session_id = a.session_id
    WHERE s.session_id = a.session_id AND s.unanswered_generation = a.generation
  )
  SELECT a.session_id FROM answered a
  LEFT JOIN held ON held.session_id = a.session_id
  LEFT JOIN sessions s ON s.session_id = a.session_id
    AND s.unanswered_generation = a.generation AND s.revoked_at IS NULL
  WHERE held.session_id IS NOT NULL OR s.session_id IS NULL`;
