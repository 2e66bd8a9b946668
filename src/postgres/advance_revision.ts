import type { Database } from "./database.js";
import { preparedRows } from "./statements.js";

/**
 * More revocations than a service tells between a backup and its restore. Nine
 * thousand such leaps stay below 2^53, up to where a revision is exact in JSON.
 */
const LEAP = 1_000_000_000_000;

/**
 * Lets the order of revocations go on beyond every revision that can have been
 * given out, and the order of events beyond every id. A restored database would
 * give out some of them anew, for other revocations and events, and a follower
 * that knows them already would not be told of those.
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
