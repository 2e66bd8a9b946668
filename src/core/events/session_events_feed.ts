import { createBroadcast } from "../broadcast.js";
import { fail, invalidField } from "../errors.js";
import type { AuditLog, EventHead, PlacedEvent } from "../ports/audit_log.js";
import type { Clock } from "../ports/clock.js";
import type { AuditEventType } from "./audit_event.js";
import { type EventPosition, readCursor } from "./event_cursor.js";

/** How often to poll, in milliseconds. */
export const EVENTS_POLL_MS = 250;

/** Most events of one read. */
const PAGE_SIZE = 500;

/**
 * Delivers every security event to watchers, in order and without a gap. One poll checks for new events on behalf of
 * all watchers, and stops while there is no watcher. Each watcher then reads its own pages at the pace of its client,
 * so that no page is held in memory for a slow one.
 */
export interface SessionEventsFeed {
  /**
   * Events of the given types (none given: all) after a cursor, else from now
   * on, then each new one. It ends when `signal` is aborted.
   *
   * @throws CurfewError INVALID_ARGUMENT: not a cursor of ours;
   * REVISION_OUT_OF_RANGE: events after it may have been deleted, or it is
   * another database's; DEPENDENCY_UNAVAILABLE: Postgres does not answer, go on
   * from the last cursor
   */
  watch(
    afterCursor: string,
    types: readonly AuditEventType[],
    signal: AbortSignal,
  ): AsyncGenerator<PlacedEvent, void>;
  /** Reads new events. Call it every EVENTS_POLL_MS. */
  poll(): Promise<void>;
  /** How many watch. */
  watchers(): number;
}

export const sessionEventsFeed = (deps: {
  audit: Pick<AuditLog, "eventsAfter" | "head">;
  clock: Clock;
  /** Calls back at the end of the event-loop turn. */
  schedule: (task: () => void) => void;
  /** How long events are kept, in milliseconds. */
  retentionMs: number;
}): SessionEventsFeed => {
  const { audit, clock, retentionMs } = deps;
  const room = createBroadcast(deps.schedule);
  let newest: EventPosition | undefined;

  const placeOf = (cursor: string, head: EventHead): EventPosition => {
    const position = readCursor(cursor);
    if (position === undefined)
      throw invalidField("after_cursor", "must be a cursor that an event came with, or empty");
    const foreign = position.eventId > head.newestEventId;
    const forgotten = position.at !== 0 && position.at < clock.now() - retentionMs;
    if (!foreign && !forgotten) return position;
    const cause = foreign ? "cursor_of_another_database" : "cursor_too_old";
    throw fail("REVISION_OUT_OF_RANGE", { metadata: { cause } });
  };

  return {
    watchers: room.size,

    async poll() {
      if (room.size() === 0) return;
      const { position } = await audit.head();
      if (newest !== undefined && samePlace(newest, position)) return;
      newest = position;
      room.callAll();
    },

    async *watch(afterCursor, types, signal) {
      const subscriber = room.enter(signal);
      try {
        const head = await audit.head();
        let position = afterCursor === "" ? head.position : placeOf(afterCursor, head);
        while (!signal.aborted) {
          const page = await audit.eventsAfter(position, types, PAGE_SIZE);
          position = page.position;
          yield* page.events;
          if (!page.more) await subscriber.news();
        }
      } finally {
        subscriber.leave();
      }
    },
  };
};

const samePlace = (a: EventPosition, b: EventPosition): boolean => a.eventId === b.eventId;
