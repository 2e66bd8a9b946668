import type { SessionCounts } from "../core/ports/session_counts.js";
import { LATEST_CHECK_MS, type LiveAt, type SessionFilter } from "../core/ports/session_store.js";
import { type Database, run } from "./database.js";
import { isUuid } from "./rows.js";
import { narrowToLive, OWN_TIMEOUT } from "./session_filter.js";
import type { Rows } from "./statements.js";

/** Sessions counted by one statement: some 20 ms, so that none runs out of time however many there are. */
const SLICE = 50_000;

const NIL_UUID = "00000000-0000-0000-0000-000000000000";

/** Each is answered by an index alone. */
const OPEN_SLICE = `
  WITH slice AS MATERIALIZED (
    SELECT s.session_id FROM sessions s WHERE s.revoked_at IS NULL AND s.session_id > ?
    ORDER BY s.session_id LIMIT ?
  )
  SELECT (SELECT count(*) FROM slice)::int AS count,
    (SELECT slice.session_id::text FROM slice ORDER BY slice.session_id DESC LIMIT 1) AS last`;
const ENDED_SLICE = `
  WITH slice AS MATERIALIZED (
    SELECT s.revision FROM sessions s WHERE s.revision IS NOT NULL AND s.revision > ?
    ORDER BY s.revision LIMIT ?
  )
  SELECT (SELECT count(*) FROM slice)::int AS count,
    (SELECT slice.revision::text FROM slice ORDER BY slice.revision DESC LIMIT 1) AS last`;

/** Only those can have timed out whose check is due. */
const IDLE = `
  SELECT count(*)::int AS count FROM sessions s
  WHERE s.revoked_at IS NULL AND s.next_check_at <= ?
    AND (s.expires_at <= ? OR s.last_activity_at <= ? OR ${OWN_TIMEOUT})`;

/** How many sessions there are; slice by slice, so of several moments when there are very many. */
export const countSessions = async (
  rows: Rows,
  { now, idleTimeoutMs }: LiveAt,
  sliceSize = SLICE,
): Promise<SessionCounts> => {
  const countSlices = async (sql: string, first: string): Promise<number> => {
    let total = 0;
    for (let after: string | null = first; after !== null; ) {
      const [slice]: { count: number; last: string | null }[] = await rows(sql, [after, sliceSize]);
      total += slice?.count ?? 0;
      after = slice?.count === sliceSize ? slice.last : null;
    }
    return total;
  };
  const open = await countSlices(OPEN_SLICE, NIL_UUID);
  const ended = await countSlices(ENDED_SLICE, "0");
  const [due] = await rows<{ count: number }>(IDLE, [
    new Date(now + LATEST_CHECK_MS),
    new Date(now),
    new Date(now - idleTimeoutMs),
    new Date(now),
  ]);
  const idle = due?.count ?? 0;
  return { live: Math.max(0, open - idle), idle, ended };
};

/**
 * How many live sessions match. Open sessions are looked at slice by slice, so
 * that no statement runs out of time however many there are and however few match.
 */
export const countLive = async (
  database: Database,
  filter: SessionFilter,
  liveAt: LiveAt,
  sliceSize = SLICE,
): Promise<number> => {
  let total = 0;
  let after: string | undefined = NIL_UUID;
  while (after !== undefined) {
    const last: string | undefined = await endOfSlice(database, filter, after, sliceSize);
    const query = narrowToLive(database("sessions"), filter, liveAt);
    query.where("session_id", ">", after);
    if (last !== undefined) query.where("session_id", "<=", last);
    const [counted] = await run<{ count: string }[]>(query.count({ count: "session_id" }));
    total += Number(counted?.count);
    after = last;
  }
  return total;
};

/** The last of the next open sessions after an id; undefined if less than a slice remains. */
export const endOfSlice = async (
  database: Database,
  { userId, ip }: SessionFilter,
  after: string = NIL_UUID,
  sliceSize = SLICE,
): Promise<string | undefined> => {
  if (userId !== undefined && !isUuid(userId)) return undefined;
  const query = database("sessions")
    .select("session_id")
    .whereNull("revoked_at")
    .where("session_id", ">", after)
    .orderBy("session_id")
    .offset(sliceSize - 1)
    .limit(1);
  // By these an index finds the sessions at once.
  if (userId !== undefined) query.where("user_id", userId);
  else if (ip !== undefined) query.where("ip", ip);
  const [row] = await run<{ session_id: string }[]>(query);
  return row?.session_id;
};
