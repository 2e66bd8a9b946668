import { createBatcher } from "../batcher.js";
import { createBroadcast } from "../broadcast.js";
import { CurfewError, fail, unavailable } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { SessionStore } from "../ports/session_store.js";
import type { CacheLease } from "./cache_lease.js";
import type { RevocationEvent, RevocationPage } from "./revocation.js";
import { revocationLog } from "./revocation_log.js";
import { revocationReader } from "./revocation_reader.js";

/** The interval of polls, in milliseconds: the greatest delay of revocations when no signal wakes the feed. */
export const REVOCATION_POLL_MS = 250;

/** Most revocations of one read. */
const PAGE_SIZE = 1000;
/** Revocations in memory for all watchers together: some 300 bytes each, and at most twice as many. */
const LOG_CAPACITY = 10_000;
/** Least milliseconds between watermarks, and between reads while revocations come thick and fast. */
const WATERMARK_EVERY_MS = 200;
const READ_EVERY_MS = 5;
/** Without an answer of Postgres for this long, watchers are sent to another replica. Milliseconds. */
const PATIENCE_MS = 5000;
/** A watcher that has not reached the end of the order for this long is cut off. Milliseconds. */
const MAX_BEHIND_MS = 60_000;
/** Statements that look up the past for watchers who join, at once. */
const MAX_CATCH_UPS = 2;
const MAX_CATCH_UPS_IN_TURN = 32;

/**
 * Delivers every revocation to watchers, in the order of revisions and without a gap. One reader follows the order in
 * Postgres for all watchers; it reads when it is polled, and not at all while there is no watcher. A watcher that
 * joins, or that has fallen behind, reads its own pages until it reaches the revocations that the reader has in memory.
 */
export interface RevocationFeed {
  /**
   * Yields every revocation after `afterRevision`, then each new one, and watermarks between. After 0, past revocations
   * that no longer matter are left out. Ends when `signal` is aborted.
   *
   * @throws CurfewError REVISION_OUT_OF_RANGE: the order of revocations does not go
   * as far, so it is another database's; WATCH_FELL_BEHIND: the watcher is too
   * slow; DEPENDENCY_UNAVAILABLE: Postgres does not answer
   */
  watch(afterRevision: bigint, signal: AbortSignal): AsyncGenerator<RevocationEvent, void>;
  /**
   * Reads new revocations for all watchers. Call it when a session may have been revoked, and every REVOCATION_POLL_MS.
   */
  poll(): Promise<void>;
  /** How many watch. */
  watchers(): number;
}

export const revocationFeed = (deps: {
  store: Pick<SessionStore, "revocationsAfter" | "relevantAfter">;
  cacheLease: Pick<CacheLease, "awaitRevoked">;
  clock: Clock;
  /** Calls back at the end of the event-loop turn. */
  schedule: (task: () => void) => void;
}): RevocationFeed => {
  const { clock, schedule } = deps;
  const reader = revocationReader({ ...deps, pageSize: PAGE_SIZE });
  const log = revocationLog(LOG_CAPACITY, PAGE_SIZE);
  const room = createBroadcast(schedule);
  /** When Postgres last answered the reader, and watchers were last called, on the monotonic clock. */
  let answeredAt = 0;
  let calledAt = 0;
  /** The failure to report to the current watchers. */
  let failure: { readonly error: unknown } | undefined;
  let polling: Promise<void> | undefined;
  let isAskedAgain = false;

  const failAll = (error: unknown): void => {
    failure = { error };
    log.clear();
    room.callAll();
  };

  /** Reads to the end of the order. */
  const follow = async (): Promise<void> => {
    for (let more = true; more; ) {
      const head = log.head();
      if (head === undefined) return;
      const page = await reader.read(head);
      answeredAt = clock.monotonic();
      if (log.head() !== head) return;
      log.append(page);
      more = page.more;
      const isDue = answeredAt - calledAt >= WATERMARK_EVERY_MS;
      if (page.revocations.length === 0 && !isDue) continue;
      calledAt = answeredAt;
      room.callAll();
    }
  };

  const followWhileAsked = async (): Promise<void> => {
    for (;;) {
      isAskedAgain = false;
      try {
        await follow();
      } catch (error) {
        if (isOutOfRange(error)) failAll(error);
        else if (clock.monotonic() - answeredAt > PATIENCE_MS) failAll(unavailable(error));
        throw error;
      }
      if (!isAskedAgain) return;
      await clock.sleep(READ_EVERY_MS);
    }
  };

  /** Watchers at the same past position share the pages that are read there. */
  const catchUp = createBatcher<bigint, RevocationPage | CurfewError>({
    async run(positions) {
      const read = new Map<bigint, RevocationPage | CurfewError>();
      for (const position of new Set(positions))
        read.set(position, await reader.read(position).catch(outOfRangeAsValue));
      return positions.flatMap((position) => read.get(position) ?? []);
    },
    maxBatch: MAX_CATCH_UPS_IN_TURN,
    maxInFlight: MAX_CATCH_UPS,
    schedule,
  });

  const readPast = async (position: bigint, isNew: boolean): Promise<RevocationPage> => {
    const found = await catchUp(isNew ? await reader.firstRelevant(position) : position);
    if (found instanceof CurfewError) throw found;
    return found;
  };

  return {
    async *watch(afterRevision, signal) {
      const subscriber = room.enter(signal);
      const failureBefore = failure;
      let position = afterRevision;
      // A session whose tokens have all expired may still have an open stream at an earlier subscriber. A new
      // subscriber has not accepted any token yet.
      let isNew = afterRevision === 0n;
      let completeAt = 0;
      let caughtUpAt = clock.monotonic();
      try {
        while (!signal.aborted) {
          if (failure !== undefined && failure !== failureBefore) throw failure.error;
          const page = log.after(position) ?? (await readPast(position, isNew));
          for (const revocation of page.revocations)
            if (!isNew || reader.matters(revocation)) yield { kind: "revocation", revocation };
          position = page.through;
          if (page.more) {
            if (clock.monotonic() - caughtUpAt > MAX_BEHIND_MS) throw fail("WATCH_FELL_BEHIND");
            continue;
          }
          isNew = false;
          caughtUpAt = clock.monotonic();
          if (log.head() === undefined) {
            answeredAt = caughtUpAt;
            log.begin(page);
          }
          const at = page.completeAt ?? completeAt;
          // The database's clock may have been set back.
          if (Math.abs(at - completeAt) >= WATERMARK_EVERY_MS) {
            completeAt = at;
            yield { kind: "watermark", watermark: { revision: position, at } };
          }
          await subscriber.news();
        }
      } finally {
        subscriber.leave();
        if (room.size() === 0) log.clear();
      }
    },

    poll() {
      isAskedAgain = true;
      polling ??= followWhileAsked().finally(() => {
        polling = undefined;
      });
      return polling;
    },

    watchers: room.size,
  };
};

const isOutOfRange = (error: unknown): error is CurfewError =>
  error instanceof CurfewError && error.reason === "REVISION_OUT_OF_RANGE";

const outOfRangeAsValue = (error: unknown): CurfewError => {
  if (isOutOfRange(error)) return error;
  throw error;
};
