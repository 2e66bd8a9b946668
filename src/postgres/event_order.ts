import type { AuditEventType } from "../core/audit_event.js";
import { type EventPosition, ORIGIN } from "../core/event_cursor.js";
import type { AuditLog, PlacedEvent } from "../core/ports/audit_log.js";
import { type Database, databaseFailure, run } from "./database.js";
import { eventHistory } from "./event_history.js";
import { eventColumns, type PlacedEventRow, placedFromRow } from "./event_row.js";
import { plannedRows, type Rows } from "./statements.js";

/**
 * Events in an order that never changes behind a reader: by the transaction
 * that wrote them. Every transaction before `pg_snapshot_xmin` is over, so
 * nothing can appear before what is read here (PostgreSQL, section 9.27.7).
 */
const NEXT = `
  SELECT * FROM audit_events
  WHERE (transaction_id, event_id) > (?::xid8, ?::bigint)
    AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
  ORDER BY transaction_id, event_id LIMIT ?`;

/** Of one page those of some types, and the last, which says how far the page goes. */
const NEXT_OF_TYPES = `
  WITH page AS MATERIALIZED (${NEXT}),
  numbered AS (SELECT page.*, row_number() OVER (ORDER BY transaction_id, event_id) AS place FROM page)
  SELECT numbered.*, count.all FROM numbered, (SELECT count(*)::int AS all FROM page) AS count
  WHERE type = ANY(?::text[]) OR place = count.all
  ORDER BY place`;

const HEAD = `
  SELECT pg_snapshot_xmax(pg_current_snapshot()) AS next, last.*
  FROM (SELECT 1) AS one LEFT JOIN LATERAL (
    SELECT transaction_id, event_id, at FROM audit_events
    WHERE transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY transaction_id DESC, event_id DESC LIMIT 1
  ) AS last ON true`;

/** Whoever holds the row is at it; the others leave it to them. */
const LOCK_FOLLOWER = `
  SELECT transaction_id, event_id FROM event_followers WHERE name = ? FOR UPDATE SKIP LOCKED`;

const ADOPT = `
  UPDATE audit_events e SET transaction_id = pg_current_xact_id()
  FROM (
    SELECT event_id FROM audit_events
    WHERE transaction_id >= pg_snapshot_xmax(pg_current_snapshot())
    ORDER BY transaction_id, event_id LIMIT ? FOR UPDATE SKIP LOCKED
  ) AS restored
  WHERE e.event_id = restored.event_id
  RETURNING 1`;

/** A follower that was restored with its events has seen them. */
const ADOPT_FOLLOWERS = `
  UPDATE event_followers
  SET transaction_id = pg_current_xact_id(), event_id = 9223372036854775807
  WHERE transaction_id >= pg_snapshot_xmax(pg_current_snapshot())`;

interface PlaceRow {
  transaction_id: string;
  event_id: string;
}

type OrderedEvents = Pick<AuditLog, "eventsAfter" | "head" | "follow" | "adoptRestored">;

const bindings = ({ transactionId, eventId }: EventPosition) => [
  transactionId.toString(),
  eventId.toString(),
];

const placed = async (rows: Rows, after: EventPosition, limit: number): Promise<PlacedEvent[]> =>
  (await rows<PlacedEventRow>(NEXT, [...bindings(after), limit])).map(placedFromRow);

const placedOfTypes = async (
  rows: Rows,
  after: EventPosition,
  limit: number,
  types: readonly AuditEventType[],
) => {
  const found = await rows<PlacedEventRow & { all: number }>(NEXT_OF_TYPES, [
    ...bindings(after),
    limit,
    [...types],
  ]);
  return { read: found[0]?.all ?? 0, events: found.map(placedFromRow) };
};

export const orderedEvents = (database: Database, rows: Rows): OrderedEvents => ({
  async eventsAfter(after, types, limit) {
    if (types.length === 0) {
      const events = await placed(rows, after, limit);
      const position = events.at(-1)?.position ?? after;
      return { events, position, more: events.length === limit };
    }
    const { read, events } = await placedOfTypes(rows, after, limit, types);
    return {
      events: events.filter(({ event }) => types.includes(event.type)),
      position: events.at(-1)?.position ?? after,
      more: read === limit,
    };
  },

  async head() {
    const [row] = await rows<Partial<PlaceRow> & { next: string; at: Date | null }>(HEAD, []);
    return {
      nextTransactionId: BigInt(row?.next ?? 0),
      position: row?.at
        ? {
            transactionId: BigInt(row.transaction_id ?? 0),
            eventId: BigInt(row.event_id ?? 0),
            at: row.at.getTime(),
          }
        : ORIGIN,
    };
  },

  async follow(follower, limit, work) {
    try {
      return await database.transaction(async (trx) => {
        const inTransaction = plannedRows(trx);
        await inTransaction(
          "INSERT INTO event_followers VALUES (?, '0', 0) ON CONFLICT DO NOTHING",
          [follower],
        );
        const [row] = await inTransaction<PlaceRow>(LOCK_FOLLOWER, [follower]);
        if (row === undefined) return undefined;
        const handled: EventPosition = {
          transactionId: BigInt(row.transaction_id),
          eventId: BigInt(row.event_id),
          at: 0,
        };
        const next = await placed(inTransaction, handled, limit);
        const last = next.at(-1);
        if (last === undefined) return { events: [], written: [], more: false };
        const events = next.map(({ event }) => event);
        const written = [...(await work(events, eventHistory(inTransaction, handled)))];
        if (written.length > 0) await run(trx("audit_events").insert(written.map(eventColumns)));
        await inTransaction(
          "UPDATE event_followers SET transaction_id = ?::xid8, event_id = ?::bigint WHERE name = ?",
          [...bindings(last.position), follower],
        );
        return { events, written, more: next.length === limit };
      });
    } catch (error) {
      throw databaseFailure(error);
    }
  },

  async adoptRestored(limit) {
    const adopted = await rows(ADOPT, [limit]);
    if (adopted.length < limit) await rows(ADOPT_FOLLOWERS, []);
    return adopted.length;
  },
});
