import type { SessionStore } from "../ports/session_store.js";

/** Most sessions in one flush statement. */
const FLUSH_BATCH = 1000;
/** Most sessions remembered while Postgres is away; the least recently added are forgotten first. */
const MAX_PENDING = 1_000_000;

/**
 * Uses of sessions on their way to Postgres: the newest one of each session,
 * written behind in batches, never on the request path (A3).
 */
export interface ActivityLog {
  record(sessionId: string, at: number): void;
  /** The newest use not yet in Postgres, in milliseconds since the epoch; 0: none. */
  pending(sessionId: string): number;
  /** Writes everything recorded so far, as far as it goes. Rejects when the store does; nothing is forgotten then. */
  flush(): Promise<void>;
}

export const activityLog = (store: Pick<SessionStore, "touch">): ActivityLog => {
  const newest = new Map<string, number>();
  let flushing: Promise<void> = Promise.resolve();

  const flushNow = async (): Promise<void> => {
    const all = [...newest];
    for (let start = 0; start < all.length; start += FLUSH_BATCH) {
      const batch = all.slice(start, start + FLUSH_BATCH);
      const done = await store.touch(batch.map(([sessionId, at]) => ({ sessionId, at })));
      const written = new Map(batch);
      for (const sessionId of done)
        if (newest.get(sessionId) === written.get(sessionId)) newest.delete(sessionId);
    }
  };

  return {
    record(sessionId, at) {
      const known = newest.get(sessionId);
      if (known === undefined && newest.size >= MAX_PENDING) {
        const [oldest] = newest.keys();
        if (oldest !== undefined) newest.delete(oldest);
      }
      if (known === undefined || known < at) newest.set(sessionId, at);
    },
    pending: (sessionId) => newest.get(sessionId) ?? 0,
    flush() {
      // One after the other, so that a flush at the stop includes all that was recorded before it.
      const next = flushing.then(flushNow, flushNow);
      flushing = next.catch(() => undefined);
      return next;
    },
  };
};
