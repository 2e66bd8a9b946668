import type { RecordedRevocation, SessionStore } from "../core/ports/session_store.js";
import { formerReaders } from "./former_readers.js";
import { endFromRow, isUuid, type SessionRow } from "./rows.js";
import type { Rows } from "./statements.js";

type RevocationOrder = Pick<SessionStore, "revocationsAfter" | "relevantAfter" | "lastRevision">;

/** The order in which sessions ended, as it appears: revisions are given out under the lock of revocations. */
export const revocationOrder = (
  rows: Rows,
  primaryId: () => string | undefined,
): RevocationOrder => ({
  async revocationsAfter(revision, limit) {
    const found = await rows<PageRow | EmptyPageRow>(REVOCATIONS_AFTER, [
      primaryId() ?? null,
      revision.toString(),
      limit,
    ]);
    return {
      revocations: found.flatMap((row) => (row.session_id === null ? [] : recordedRevocation(row))),
      lastRevision: BigInt(found[0]?.last_revision ?? 0),
    };
  },

  async relevantAfter(now) {
    const [row] = await rows<{ revision: string }>(RELEVANT_AFTER, [new Date(now)]);
    return BigInt(row?.revision ?? 0);
  },

  async lastRevision(userId) {
    if (userId !== undefined && !isUuid(userId)) return 0n;
    const [row] = await rows<{ revision: string | null }>(
      `SELECT max(s.revision) AS revision FROM sessions s
       WHERE s.revision IS NOT NULL ${userId === undefined ? "" : "AND s.user_id = ?"}`,
      userId === undefined ? [] : [userId],
    );
    return BigInt(row?.revision ?? 0);
  },
});

/** Where the order ended, and one of its revocations. */
interface PageRow
  extends Pick<
    SessionRow,
    "session_id" | "user_id" | "revoked_at" | "end_reason" | "ended_by" | "revision"
  > {
  last_revision: string;
  relevant_until: Date;
  pending_invalidation: boolean;
}

interface EmptyPageRow {
  last_revision: string;
  session_id: null;
}

const recordedRevocation = (row: PageRow): RecordedRevocation[] => {
  const end = endFromRow(row);
  return end === undefined
    ? []
    : [
        {
          sessionId: row.session_id,
          userId: row.user_id,
          end,
          accessExpiresAt: row.relevant_until.getTime(),
          pendingInvalidation: row.pending_invalidation,
        },
      ];
};

/**
 * One statement, so one snapshot: a page, and the end of the order at that time. Paged by revision alone, so that the
 * cost of a page does not depend on the number of irrelevant revocations.
 */
const REVOCATIONS_AFTER = `
  SELECT last.revision AS last_revision, page.session_id, page.user_id, page.revoked_at,
    page.end_reason, page.ended_by, page.revision, page.relevant_until, page.pending_invalidation
  FROM (
    SELECT coalesce(max(l.revision), 0) AS revision FROM sessions l WHERE l.revision IS NOT NULL
  ) last
  LEFT JOIN (
    SELECT s.session_id, s.user_id, s.revoked_at, s.end_reason, s.ended_by, s.revision,
      s.relevant_until, s.hot_pending AND (EXISTS (
        SELECT 1 FROM replicas r WHERE r.trusts_until > clock_timestamp()
      ) OR ${formerReaders()}) AS pending_invalidation
    FROM sessions s WHERE s.revision > ? ORDER BY s.revision LIMIT ?
  ) page ON true
  ORDER BY page.revision`;

/** The sum keeps the planner from using the index by revision, where all irrelevant revocations come first. */
const RELEVANT_AFTER = `
  SELECT coalesce(
    (SELECT min(s.revision + 0) - 1 FROM sessions s
     WHERE s.revision IS NOT NULL AND s.relevant_until > ?),
    (SELECT max(s.revision) FROM sessions s WHERE s.revision IS NOT NULL),
    0) AS revision`;
