import type { Knex } from "knex";
import { unavailable } from "../core/errors.js";
import type { SessionStore } from "../core/ports/session_store.js";
import { type Database, databaseFailure, run, worthRepeating } from "./database.js";
import { endedSessions } from "./ended_sessions.js";
import { isUuid, type SessionRow, sessionFromRow } from "./rows.js";
import { where } from "./session_filter.js";
import { sessionTransaction } from "./session_transaction.js";
import { standings } from "./standings.js";

/** How often a transaction is run again after a deadlock before the caller hears of it. */
const MOST_RUNS = 4;

/** The truth about users and sessions, in Postgres. */
export const postgresSessionStore = (database: Database): SessionStore => {
  const rows = async <Row>(sql: string, bindings: readonly Knex.RawBinding[]): Promise<Row[]> =>
    (await run<{ rows: Row[] }>(database.raw(sql, bindings))).rows;

  return {
    ...endedSessions(rows),
    standings: standings(rows),

    async transaction(work) {
      for (let runs = 1; ; runs++) {
        try {
          return await database.transaction((trx) => work(sessionTransaction(trx)));
        } catch (error) {
          if (!worthRepeating(error instanceof Error ? (error.cause ?? error) : error))
            throw databaseFailure(error);
          if (runs === MOST_RUNS) throw unavailable(error);
        }
      }
    },

    async get(sessionId) {
      if (!isUuid(sessionId)) return undefined;
      const row = await run(
        database<SessionRow>("sessions").where("session_id", sessionId).first(),
      );
      return row && sessionFromRow(row);
    },

    async liveOf(userId, liveAt) {
      const query = where(
        database<SessionRow>("sessions"),
        { userId, state: "ACTIVE" },
        liveAt,
      ).orderBy("session_id", "desc");
      return (await run<SessionRow[]>(query)).map(sessionFromRow);
    },

    async list({ filter, liveAt, order, after, limit }) {
      if (after !== undefined && !isUuid(after)) return [];
      const newestFirst = order === "created_desc";
      const query = where(database<SessionRow>("sessions"), filter, liveAt)
        .orderBy("session_id", newestFirst ? "desc" : "asc")
        .limit(limit);
      if (after !== undefined) query.where("session_id", newestFirst ? "<" : ">", after);
      return (await run<SessionRow[]>(query)).map(sessionFromRow);
    },

    async countLive(filter, liveAt) {
      const query = where(database("sessions"), { ...filter, state: "ACTIVE" }, liveAt)
        .count({ count: "*" })
        .first();
      return Number((await run<{ count: string }>(query)).count);
    },

    async count({ now, idleTimeoutMs }) {
      const [counts] = await rows<{ live: number; idle: number; ended: number }>(COUNT, [
        new Date(now),
        new Date(now - idleTimeoutMs),
      ]);
      return counts ?? { live: 0, idle: 0, ended: 0 };
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

const COUNT = `
  SELECT (count(*) FILTER (WHERE live))::int AS live,
    (count(*) FILTER (WHERE open AND NOT live))::int AS idle,
    (count(*) FILTER (WHERE NOT open))::int AS ended
  FROM (
    SELECT revoked_at IS NULL AS open,
      revoked_at IS NULL AND expires_at > ? AND last_activity_at > ? AS live
    FROM sessions
  ) AS states`;

/** Rows that another transaction holds are left for the next flush, so that activity never waits and never deadlocks. */
const TOUCH = `
  WITH used AS (
    SELECT * FROM unnest(?::uuid[], ?::timestamptz[]) AS used(session_id, at)
  ),
  held AS (
    SELECT s.session_id FROM sessions s JOIN used USING (session_id)
    WHERE s.revoked_at IS NULL
    FOR UPDATE OF s SKIP LOCKED
  ),
  touched AS (
    UPDATE sessions s SET last_activity_at = used.at
    FROM used JOIN held USING (session_id)
    WHERE s.session_id = used.session_id AND s.last_activity_at < used.at
  )
  SELECT used.session_id FROM used
  LEFT JOIN held USING (session_id)
  LEFT JOIN sessions s ON s.session_id = used.session_id AND s.revoked_at IS NULL
  WHERE held.session_id IS NOT NULL OR s.session_id IS NULL`;
