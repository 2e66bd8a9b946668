import type { Database } from "./database.js";
import { preparedRows } from "./statements.js";

/**
 * More revocations than a service makes between a backup and its restore. After nine thousand such leaps a revision is
 * still below 2^53, up to which JSON is exact.
 */
const LEAP = 1_000_000_000_000;

/**
 * Advances the order of revocations beyond every revision that can have been issued, and the order of events beyond
 * every id. A restored database would issue some of them again for other revocations and events, and a follower that
 * has seen the old ones would miss the new ones.
 *
 * @returns the revision after which the next revocations come
 */
export const advanceRevision = async (database: Database): Promise<bigint> => {
  const [row] = await preparedRows(database)<{ revision: string }>(
    `SELECT setval('session_revision', nextval('session_revision') + ?::bigint) AS revision,
       setval('audit_events_event_id_seq', nextval('audit_events_event_id_seq') + ?::bigint)`,
    [LEAP, LEAP],
  );
  return BigInt(row?.revision ?? 0);
};
