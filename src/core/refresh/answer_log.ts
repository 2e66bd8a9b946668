import type { Answered, SessionStore } from "../ports/session_store.js";
import type { RefreshState } from "../session/session.js";

/** Most sessions in one flush statement. */
const FLUSH_BATCH = 1000;
/**
 * Most answers remembered while Postgres is away. Those beyond it are dropped:
 * the generation before stays good for longer than it had to.
 */
const MAX_PENDING = 1_000_000;

/** How often answers are written to Postgres, in milliseconds. */
export const ANSWERS_EVERY_MS = 50;

/**
 * Records refresh tokens that were sent to a connected caller, until they are written to Postgres. Without that record,
 * the previous generation may be repeated for as long as the session lives: its successor may never have been sent. The
 * log is written in batches in the background, never on the request path.
 */
export interface AnswerLog {
  /** Notes that `generation` was sent. The first answer of a generation counts (R4). */
  record(sessionId: string, generation: number, at: number): void;
  /** The state of a session's refresh tokens with the note that has not reached Postgres yet. */
  apply(sessionId: string, state: RefreshState): RefreshState;
  /** When `generation` was sent, if Postgres has no note of it yet; in milliseconds since the epoch. */
  sentAt(sessionId: string, generation: number): number | undefined;
  /** Writes everything recorded so far. Rejects when the store does; nothing is forgotten then. */
  flush(): Promise<void>;
}

export const createAnswerLog = (store: Pick<SessionStore, "markAnswered">): AnswerLog => {
  const pending = new Map<string, Answered>();
  let flushing: Promise<void> = Promise.resolve();

  const flushNow = async (): Promise<void> => {
    const all = [...pending.values()];
    for (let start = 0; start < all.length; start += FLUSH_BATCH) {
      const batch = all.slice(start, start + FLUSH_BATCH);
      const done = new Set(await store.markAnswered(batch));
      for (const answered of batch) {
        const { sessionId } = answered;
        if (done.has(sessionId) && pending.get(sessionId) === answered) pending.delete(sessionId);
      }
    }
  };

  return {
    record(sessionId, generation, at) {
      const known = pending.get(sessionId);
      if (known === undefined ? pending.size >= MAX_PENDING : known.generation >= generation)
        return;
      pending.set(sessionId, { sessionId, generation, at });
    },
    apply(sessionId, state) {
      const answered = pending.get(sessionId);
      if (!state.isUnanswered || answered?.generation !== state.generation) return state;
      return { ...state, isUnanswered: false, rotatedAt: answered.at };
    },
    sentAt(sessionId, generation) {
      const answered = pending.get(sessionId);
      return answered?.generation === generation ? answered.at : undefined;
    },
    flush() {
      // One after the other, so that a flush at the stop includes all that was recorded before it.
      const next = flushing.then(flushNow, flushNow);
      flushing = next.catch(() => undefined);
      return next;
    },
  };
};
