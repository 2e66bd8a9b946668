import type { Clock } from "../ports/clock.js";
import type { SessionRevocation, SessionStore } from "../ports/session_store.js";
import type { AnswerLog } from "../refresh/answer_log.js";
import type { Session } from "../session/session.js";

/** Sessions to withdraw remembered while Postgres is away. The sweeper finds those beyond it. */
const MAX_WAITING = 10_000;
/** What noting an answer may take, in milliseconds, when Postgres is slow. */
const NOTE_MARGIN_MS = 5000;

/**
 * How long after its commit a login may still be answered, in milliseconds: it
 * waits for the hot store for `consistencyTimeoutMs` at most.
 */
export const answerableMs = (consistencyTimeoutMs: number): number =>
  consistencyTimeoutMs + NOTE_MARGIN_MS;

/**
 * Sessions whose login was not answered OK, although it was committed: Postgres
 * fell silent during the COMMIT, the caller went away, or the process died.
 * Nobody holds their tokens, so they must neither count nor stay (O3, N4).
 */
export interface UnansweredLogins {
  /**
   * Ends the session, if it was committed after all. Resolves after the first
   * try and never rejects: `flush` goes on trying.
   */
  withdraw(session: Pick<Session, "id" | "userId">): Promise<void>;
  /** Whether nobody holds the session's tokens. `lastActivityAt` must know of recent uses. */
  includes(session: Session, now: number): boolean;
  /** Withdraws what could not be withdrawn at once. Rejects as long as the store does. */
  flush(): Promise<void>;
}

/** How the session of a login ends that was not answered. */
export const withdrawal = (sessionId: string, at: number): SessionRevocation => ({
  sessionId,
  reason: "LOGIN_UNANSWERED",
  at,
  by: "system",
});

export const createUnansweredLogins = (deps: {
  store: Pick<SessionStore, "transaction">;
  answers: Pick<AnswerLog, "apply">;
  clock: Clock;
  consistencyTimeoutMs: number;
}): UnansweredLogins => {
  const { store, answers, clock } = deps;
  const answerable = answerableMs(deps.consistencyTimeoutMs);
  /** User ids by session id. */
  const waiting = new Map<string, string>();
  let flushing: Promise<void> = Promise.resolve();

  /** The login holds the lock of its user until its outcome is decided, so this learns of it. */
  const end = async (sessionId: string, userId: string): Promise<void> => {
    await store.transaction(async (tx) => {
      await tx.lockUser(userId);
      if ((await tx.lockSession(sessionId)) === undefined) return;
      await tx.revokeSessions([withdrawal(sessionId, clock.now())]);
    });
    waiting.delete(sessionId);
  };

  const flushNow = async (): Promise<void> => {
    for (const [sessionId, userId] of [...waiting])
      if (waiting.has(sessionId)) await end(sessionId, userId);
  };

  return {
    async withdraw({ id, userId }) {
      if (waiting.has(id) || waiting.size >= MAX_WAITING) return;
      waiting.set(id, userId);
      await end(id, userId).catch(() => undefined);
    },
    includes(session, now) {
      if (waiting.has(session.id)) return true;
      const { generation, isUnanswered } = answers.apply(session.id, session.refresh);
      const isUsed = generation > 1 || session.lastActivityAt > session.createdAt;
      return isUnanswered === true && !isUsed && now >= session.createdAt + answerable;
    },
    flush() {
      // One after the other, so that a flush at the stop includes all that came before it.
      const next = flushing.then(flushNow, flushNow);
      flushing = next.catch(() => undefined);
      return next;
    },
  };
};
