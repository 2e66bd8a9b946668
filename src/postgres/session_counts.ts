import type { SessionCountStore } from "../core/ports/session_counts.js";
import type { Database } from "./database.js";
import { countSessions } from "./session_count.js";
import { preparedRows } from "./statements.js";

const KEEP = `
  INSERT INTO session_census (live, idle, ended, counted_at)
  VALUES (?, ?, ?, clock_timestamp())
  ON CONFLICT (one_row) DO UPDATE SET live = excluded.live, idle = excluded.idle,
    ended = excluded.ended, counted_at = excluded.counted_at`;

/** The last count in a row of its own. */
export const postgresSessionCounts = (database: Database): SessionCountStore => {
  const rows = preparedRows(database);
  return {
    async take(liveAt) {
      const counts = await countSessions(rows, liveAt);
      await rows(KEEP, [counts.live, counts.idle, counts.ended]);
      return counts;
    },
    async read() {
      const [row] = await rows<{ live: string; idle: string; ended: string }>(
        "SELECT c.live, c.idle, c.ended FROM session_census c",
        [],
      );
      return row && { live: Number(row.live), idle: Number(row.idle), ended: Number(row.ended) };
    },
  };
};
