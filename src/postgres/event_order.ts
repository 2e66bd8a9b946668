import type { AuditEventType } from "../core/events/audit_event.js";
import { type EventPosition, ORIGIN } from "../core/events/event_cursor.js";
import type { AuditLog } from "../core/ports/audit_log.js";
import { type Database, databaseFailure, run } from "./database.js";
import { eventHistory } from "./event_history.js";
import { eventHorizonOf } from "./event_horizon.js";
import { eventColumns, type PlacedEventRow, placedColumnsOf, placedFromRow } from "./event_row.js";
import { plannedRows, type Rows } from "./statements.js";

/** Events in the order of their ids, up to one that is final: nothing appears behind a reader. */
const NEXT = `
  SELECT ${placedColumnsOf("e")} FROM audit_events e
  WHERE e.event_id > ?::bigint AND e.event_id <= ?::bigint
    AND (e.transaction_id, e.event_id) > (?::xid8, ?::bigint)
  ORDER BY e.event_id LIMIT ?`;

/** Of one page those of some types, and the last, which says how far the page goes. */
const NEXT_OF_TYPES = `
  WITH page AS MATERIALIZED (${NEXT}),
  numbered AS (
    SELECT ${placedColumnsOf("page")}, row_number() OVER (ORDER BY page.event_id) AS place FROM page
  )
  SELECT ${placedColumnsOf("numbered")}, counted.size
  FROM numbered CROSS JOIN (SELECT count(*)::int AS size FROM page) AS counted
  WHERE numbered.type = ANY(?::text[]) OR numbered.place = counted.size
  ORDER BY numbered.place`;

const AT_ID = `
  SELECT e.transaction_id, e.event_id, e.at FROM audit_events e
  WHERE e.event_id <= ?::bigint ORDER BY e.event_id DESC LIMIT 1`;

/**
 * The least id that may come after a cursor of the order of transactions.
 * Transactions far behind it in that order have drawn later ids than the first
 * of these: no more than there are connections were under way at once.
 */
const AFTER_TRANSACTION = `
  SELECT min(f.event_id) - 1 AS event_id FROM (
    SELECT e.event_id FROM audit_events e
    WHERE (e.transaction_id, e.event_id) > (?::xid8, ?::bigint)
    ORDER BY e.transaction_id, e.event_id LIMIT 10000
  ) AS f`;

/** The replica that holds the row is at it; the others leave it to that one. */
const LOCK_FOLLOWER = `
  SELECT f.after_event_id FROM event_followers f WHERE f.name = ? FOR UPDATE SKIP LOCKED`;

const INSERT_FOLLOWER = `
  INSERT INTO event_followers (name, transaction_id, event_id, after_event_id)
  VALUES (?, '0', 0, 0) ON CONFLICT DO NOTHING`;

/** The other columns are for replicas of the previous version, which continue from there. */
const MOVE_FOLLOWER = `
  UPDATE event_followers
  SET after_event_id = ?::bigint, transaction_id = ?::xid8, event_id = ?::bigint
  WHERE name = ?`;

interface PlaceRow {
  transaction_id: string;
  event_id: string;
}

type OrderedEvents = Pick<AuditLog, "eventsAfter" | "head" | "follow" | "heldUp">;

const NOTHING_PASSED = { transactionId: 0n, eventId: 0n };

export const orderedEvents = (database: Database, rows: Rows): OrderedEvents => {
  const horizon = eventHorizonOf(database, rows);

  const bindings = (after: EventPosition, upTo: bigint, limit: number) => {
    const passed = after.passed ?? NOTHING_PASSED;
    return [after.eventId, upTo, passed.transactionId, passed.eventId]
      .map((number) => number.toString())
      .concat(String(limit));
  };

  /** A cursor of an earlier version names a place in the order of transactions. */
  const located = async (position: EventPosition): Promise<EventPosition> => {
    if (!position.isOfTransactions) return position;
    const { transactionId, eventId, at } = position;
    const [first] = await rows<{ event_id: string | null }>(AFTER_TRANSACTION, [
      transactionId.toString(),
      eventId.toString(),
    ]);
    const start = first?.event_id == null ? eventId : BigInt(first.event_id);
    return { transactionId, eventId: start, at, passed: { transactionId, eventId } };
  };

  const read = async (
    source: Rows,
    after: EventPosition,
    upTo: bigint,
    limit: number,
    types: readonly AuditEventType[] = [],
  ) => {
    const page = bindings(after, upTo, limit);
    const found =
      types.length === 0
        ? await source<PlacedEventRow & { size?: number }>(NEXT, page)
        : await source<PlacedEventRow & { size?: number }>(NEXT_OF_TYPES, [...page, [...types]]);
    const events = found.map(placedFromRow);
    const last = events.at(-1)?.position;
    return {
      events:
        types.length === 0 ? events : events.filter(({ event }) => types.includes(event.type)),
      position:
        last === undefined ? after : { ...last, ...(after.passed && { passed: after.passed }) },
      more: (found[0]?.size ?? found.length) === limit,
    };
  };

  return {
    heldUp: horizon.heldUp,

    async eventsAfter(after, types, limit) {
      const { final } = await horizon.reach();
      return read(rows, await located(after), final, limit, types);
    },

    async head() {
      const { final, newest } = await horizon.reach();
      const [row] = await rows<PlaceRow & { at: Date }>(AT_ID, [final.toString()]);
      return {
        newestEventId: newest,
        position:
          row === undefined
            ? { ...ORIGIN, eventId: final }
            : {
                transactionId: BigInt(row.transaction_id),
                eventId: BigInt(row.event_id),
                at: row.at.getTime(),
              },
      };
    },

    async follow(follower, limit, work) {
      // Before the transaction, which must hold only one connection.
      const { final } = await horizon.reach();
      try {
        return await database.transaction(async (trx) => {
          const inTransaction = plannedRows(trx);
          await inTransaction(INSERT_FOLLOWER, [follower]);
          const [row] = await inTransaction<{ after_event_id: string }>(LOCK_FOLLOWER, [follower]);
          if (row === undefined) return undefined;
          const handled: EventPosition = { ...ORIGIN, eventId: BigInt(row.after_event_id) };
          const { events: next, position, more } = await read(inTransaction, handled, final, limit);
          if (next.length === 0) return { events: [], written: [], more: false };
          const events = next.map(({ event }) => event);
          const written = [...(await work(events, eventHistory(inTransaction, handled)))];
          if (written.length > 0) await run(trx("audit_events").insert(written.map(eventColumns)));
          await inTransaction(MOVE_FOLLOWER, [
            position.eventId.toString(),
            position.transactionId.toString(),
            position.eventId.toString(),
            follower,
          ]);
          return { events, written, more };
        });
      } catch (error) {
        throw databaseFailure(error);
      }
    },
  };
};
