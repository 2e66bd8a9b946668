import { setTimeout as sleep } from "node:timers/promises";
import { unavailable } from "../core/errors.js";
import type { Database } from "./database.js";
import type { Rows } from "./statements.js";

/** How long one call looks again for writers to end, in milliseconds; most transactions end sooner. */
const MAX_WAIT_MS = 50;
/** The same as long as no id is known to be final. */
const MAX_FIRST_WAIT_MS = 1000;
const LOOK_EVERY_MS = 5;

/** The newest id that any transaction has drawn. */
const NEWEST = `
  SELECT CASE WHEN q.is_called THEN q.last_value ELSE 0 END AS newest
  FROM audit_events_event_id_seq q`;

/**
 * Transactions that may have drawn an id that is not to be seen yet. Each holds
 * this lock from before it draws its first id until it is over (PostgreSQL,
 * section 13.3.1). Transactions that do not write events are not among them,
 * however long they last and whatever else they do on this server.
 */
const WRITERS = `
  SELECT l.virtualtransaction AS writer, l.pid FROM pg_catalog.pg_locks l
  WHERE l.locktype = 'relation' AND l.relation = 'audit_events'::regclass AND l.granted
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
      WHERE d.datname = pg_catalog.current_database())
    AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
      'AccessExclusiveLock')
    AND l.pid <> pg_catalog.pg_backend_pid()`;

/** The obstacle that the order of events waits for. */
export interface HeldUp {
  /** For how long, in milliseconds. */
  readonly forMs: number;
  /** Processes of Postgres that have written events and not committed. */
  readonly pids: readonly number[];
}

/**
 * How far the order of events is final. Ids are drawn in the order of writing
 * and appear in the order of commits, so an event may appear before one that is
 * already there. It cannot do so up to an id below which every writer is over.
 */
export interface EventHorizon {
  /**
   * The greatest id known to be final, and the newest that was drawn. Rejects
   * with DEPENDENCY_UNAVAILABLE as long as none is known: from the start until
   * the writers of that moment are over.
   */
  reach(): Promise<{ readonly final: bigint; readonly newest: bigint }>;
  /** Undefined: nothing is waited for. */
  heldUp(): HeldUp | undefined;
}

interface Waiting {
  readonly newest: bigint;
  readonly writers: ReadonlyMap<string, number>;
  readonly since: number;
}

const createEventHorizon = (rows: Rows): EventHorizon => {
  let final: bigint | undefined;
  let waiting: Waiting | undefined;

  const look = async (): Promise<bigint> => {
    // The order matters: a writer that finishes between the two reads is not found, but its events can be read from now
    // on.
    const [drawn] = await rows<{ newest: string }>(NEWEST, []);
    const found = await rows<{ writer: string; pid: number }>(WRITERS, []);
    const newest = BigInt(drawn?.newest ?? 0);
    const writers = new Map(found.map(({ writer, pid }) => [writer, pid]));
    // Another database answers now: one that was restored, or emptied.
    if (final !== undefined && newest < final) final = undefined;
    const advance = (to: bigint): void => {
      if (final === undefined || to > final) final = to;
    };
    if (
      waiting !== undefined &&
      [...waiting.writers.keys()].every((writer) => !writers.has(writer))
    ) {
      advance(waiting.newest);
      waiting = undefined;
    }
    if (writers.size === 0) advance(newest);
    else waiting ??= { newest, writers, since: performance.now() };
    return newest;
  };

  return {
    async reach() {
      const deadline = performance.now() + (final === undefined ? MAX_FIRST_WAIT_MS : MAX_WAIT_MS);
      let newest = await look();
      while (waiting !== undefined && performance.now() < deadline) {
        const before = waiting;
        await sleep(LOOK_EVERY_MS);
        newest = await look();
        if (waiting !== before) break;
      }
      if (final === undefined) throw unavailable("the order of events is not known yet");
      return { final, newest };
    },
    heldUp: () =>
      waiting && {
        forMs: performance.now() - waiting.since,
        pids: [...new Set(waiting.writers.values())],
      },
  };
};

const horizons = new WeakMap<Database, EventHorizon>();

/** The horizon of a database, one for all that read its events through this pool. */
export const eventHorizonOf = (database: Database, rows: Rows): EventHorizon => {
  const known = horizons.get(database);
  if (known !== undefined) return known;
  const horizon = createEventHorizon(rows);
  horizons.set(database, horizon);
  return horizon;
};
