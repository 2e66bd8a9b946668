import type { Knex } from "knex";
import { LATEST_CHECK_MS, type LiveAt, type SessionFilter } from "../core/ports/session_store.js";
import type { SessionState } from "../core/session/session.js";
import { isUuid } from "./rows.js";

/** Narrows a query on `sessions`. */
export type Narrow = (query: Knex.QueryBuilder) => Knex.QueryBuilder;

/**
 * The conditions of a filter, as one or two that exclude each other: an index
 * answers each of them in the order of ids, however rare what matches is.
 *
 * @param open the source of open sessions that timed out
 */
export const narrowings = (
  filter: SessionFilter,
  liveAt: LiveAt,
  open: Narrow = stillOpen,
): Narrow[] => {
  const states: Narrow[] =
    filter.state === undefined ? [(query) => query] : narrowingsByState(filter.state, liveAt, open);
  return states.map((byState) => (query) => byState(narrow(query, filter)));
};

/** Whether a filter selects timed-out sessions of all users: these are rare among the open ones. */
export const seeksTimedOut = ({ state, userId, ip }: SessionFilter): boolean =>
  (state === "EXPIRED" || state === "IDLE_TIMEOUT") && userId === undefined && ip === undefined;

const stillOpen: Narrow = (query) => query.whereNull("revoked_at");

/**
 * The open sessions that the sweeper has to check by now; none times out much earlier. The order makes the planner use
 * their index: it overestimates their number, since it does not know that ended sessions are not due.
 */
export const dueForCheck =
  ({ now }: LiveAt, most: number): Narrow =>
  (sessions) =>
    stillOpen(sessions)
      .where("next_check_at", "<=", new Date(now + LATEST_CHECK_MS))
      .orderBy("next_check_at")
      .limit(most);

/** Narrows a query on `sessions` to those that match and are live: none, for a filter by another state. */
export const narrowToLive = (
  query: Knex.QueryBuilder,
  filter: SessionFilter,
  liveAt: LiveAt,
): Knex.QueryBuilder =>
  filter.state === undefined || filter.state === "ACTIVE"
    ? active(liveAt)(narrow(query, filter))
    : query.whereRaw("false");

/** Everything but the state. */
const narrow = (query: Knex.QueryBuilder, filter: SessionFilter): Knex.QueryBuilder => {
  if (filter.userId !== undefined) {
    if (!isUuid(filter.userId)) return query.whereRaw("false");
    query.where("user_id", filter.userId);
  }
  if (filter.ip !== undefined) query.where("ip", filter.ip);
  if (filter.clientId !== undefined) query.where("client_id", filter.clientId);
  // Ids are UUIDv7, so the primary key answers for the time of creation.
  if (filter.createdAfter !== undefined)
    query
      .where("session_id", ">=", firstIdOf(filter.createdAfter))
      .where("created_at", ">=", new Date(filter.createdAfter));
  if (filter.createdBefore !== undefined)
    query
      .where("session_id", "<", firstIdOf(filter.createdBefore))
      .where("created_at", "<", new Date(filter.createdBefore));
  if (filter.inactiveSince !== undefined)
    query.where("last_activity_at", "<=", new Date(filter.inactiveSince));
  return query;
};

/** Whether a session has an inactivity timeout of its own that is over at the time bound. NULL: it has none. */
export const OWN_TIMEOUT =
  "last_activity_at <= ?::timestamptz - idle_timeout_ms * interval '1 millisecond'";

const active =
  ({ now, idleTimeoutMs }: LiveAt): Narrow =>
  (query) =>
    query
      .whereNull("revoked_at")
      .where("expires_at", ">", new Date(now))
      .where("last_activity_at", ">", new Date(now - idleTimeoutMs))
      .whereRaw(`NOT coalesce(${OWN_TIMEOUT}, false)`, [new Date(now)]);

/** A session that timed out may have been noticed, or be open still. */
const narrowingsByState = (state: SessionState, liveAt: LiveAt, open: Narrow): Narrow[] => {
  const now = new Date(liveAt.now);
  switch (state) {
    case "ACTIVE":
      return [active(liveAt)];
    case "EXPIRED":
      return [
        (query) => query.where("end_reason", "EXPIRED"),
        (query) => open(query).where("expires_at", "<=", now),
      ];
    case "IDLE_TIMEOUT":
      return [
        (query) => query.where("end_reason", "IDLE_TIMEOUT"),
        (query) =>
          open(query)
            .where("expires_at", ">", now)
            .where((either) =>
              either
                .where("last_activity_at", "<=", new Date(liveAt.now - liveAt.idleTimeoutMs))
                .orWhereRaw(OWN_TIMEOUT, [now]),
            ),
      ];
    case "REVOKED":
      return [(query) => query.whereNotIn("end_reason", ["EXPIRED", "IDLE_TIMEOUT"])];
  }
};

/** The least UUIDv7 of a millisecond (RFC 9562, section 5.7). */
export const firstIdOf = (at: number): string => {
  const hex = Math.min(Math.max(0, Math.trunc(at)), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
};
