import type { Knex } from "knex";
import type { LiveAt, SessionFilter } from "../core/ports/session_store.js";
import { isUuid } from "./rows.js";

/** Narrows a query on `sessions` to those that match. */
export const where = (
  query: Knex.QueryBuilder,
  filter: SessionFilter,
  liveAt: LiveAt,
): Knex.QueryBuilder => {
  if (filter.userId !== undefined) {
    if (!isUuid(filter.userId)) return query.whereRaw("false");
    query.where("user_id", filter.userId);
  }
  if (filter.ip !== undefined) query.where("ip", filter.ip);
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
  if (filter.state !== undefined) whereState(query, filter.state, liveAt);
  return query;
};

const whereState = (
  query: Knex.QueryBuilder,
  state: NonNullable<SessionFilter["state"]>,
  { now, idleTimeoutMs }: LiveAt,
): void => {
  const expired = ["expires_at", "<=", new Date(now)] as const;
  const idleSince = new Date(now - idleTimeoutMs);
  const open = (also: (inner: Knex.QueryBuilder) => void) => (inner: Knex.QueryBuilder) => {
    inner.whereNull("revoked_at");
    also(inner);
  };
  const active = open((q) =>
    q.where("expires_at", ">", new Date(now)).where("last_activity_at", ">", idleSince),
  );
  if (state === "ACTIVE") query.where(active);
  else if (state === "EXPIRED")
    query.where((q) => q.where("end_reason", "EXPIRED").orWhere(open((o) => o.where(...expired))));
  else if (state === "IDLE_TIMEOUT")
    query.where((q) =>
      q
        .where("end_reason", "IDLE_TIMEOUT")
        .orWhere(
          open((o) =>
            o.where("expires_at", ">", new Date(now)).where("last_activity_at", "<=", idleSince),
          ),
        ),
    );
  else query.whereNotNull("revoked_at").whereNotIn("end_reason", ["EXPIRED", "IDLE_TIMEOUT"]);
};

/** The least UUIDv7 of a millisecond (RFC 9562, section 5.7). */
const firstIdOf = (at: number): string => {
  const hex = Math.min(Math.max(0, Math.trunc(at)), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
};
