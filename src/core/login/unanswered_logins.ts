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
 * Sessions whose login was committed but not answered OK: Postgres became unresponsive during the COMMIT, the caller
 * disconnected, or the process died. No client holds their tokens, so they must neither count nor stay (O3, N4).
 */
export interface UnansweredLogins {
  /**
   * Ends the session, if it was committed after all, and no later call was answered with it. Resolves after the first
   * attempt and never rejects: `flush` continues the attempts.
   */
  withdraw(session: Withdrawn): Promise<void>;
  /** Whether no client holds the session's tokens. `lastActivityAt` must include recent uses. */
  includes(session: Session, now: number): boolean;
  /** Withdraws what could not be withdrawn at once. Rejects as long as the store does. */
  flush(): Promise<void>;
}

/** A session as the call that was not answered made it. */
type Withdrawn = Pick<Session, "id" | "userId" | "refresh">;

/** How the session of a login ends that was not answered. */
export const withdrawal = (sessionId: string, at: number): SessionRevocation => ({
  sessionId,
  reason: "LOGIN_UNANSWERED",
  at,
  by: "system",
});

/** Whether a session was not given to another caller since: each answer has a time of its own. */
const isSameAnswer = (session: Withdrawn, made: Withdrawn): boolean =>
  session.refresh.generation === made.refresh.generation &&
  session.refresh.rotatedAt === made.refresh.rotatedAt;

export const createUnansweredLogins = (deps: {
  store: Pick<SessionStore, "transaction">;
  answers: Pick<AnswerLog, "apply">;
  clock: Clock;
  steadyForMs: () => number;
  consistencyTimeoutMs: number;
}): UnansweredLogins => {
  const { store, answers, clock, steadyForMs } = deps;
  const answerable = answerableMs(deps.consistencyTimeoutMs);
  /** By session id. */
  const waiting = new Map<string, Withdrawn>();
  let flushing: Promise<void> = Promise.resolve();

  /** The login holds the lock of its user until its outcome is decided, so this learns of it. */
  const end = async (made: Withdrawn): Promise<void> => {
    await store.transaction(async (tx) => {
      await tx.lockUser(made.userId);
      const found = await tx.lockSession(made.id);
      if (found === undefined || !isSameAnswer(found, made)) return;
      await tx.revokeSessions([withdrawal(made.id, clock.now())]);
    });
    if (waiting.get(made.id) === made) waiting.delete(made.id);
  };

  const flushNow = async (): Promise<void> => {
    for (const made of [...waiting.values()]) if (waiting.get(made.id) === made) await end(made);
  };

  return {
    async withdraw(made) {
      const known = waiting.get(made.id);
      if (known !== undefined && isSameAnswer(known, made)) return;
      if (waiting.size >= MAX_WAITING) return;
      waiting.set(made.id, made);
      await end(made).catch(() => undefined);
    },
    includes(session, now) {
      const withdrawn = waiting.get(session.id);
      if (withdrawn !== undefined && isSameAnswer(session, withdrawn)) return true;
      const { generation, isUnanswered } = answers.apply(session.id, session.refresh);
      const isUsed = generation > 1 || session.lastActivityAt > session.createdAt;
      const isTooLate = now >= session.refresh.rotatedAt + answerable;
      // After an outage, other replicas may still have to note the answers of before it.
      return isUnanswered === true && !isUsed && isTooLate && steadyForMs() >= answerable;
    },
    flush() {
      // One after the other, so that a flush at the stop includes all that came before it.
      const next = flushing.then(flushNow, flushNow);
      flushing = next.catch(() => undefined);
      return next;
    },
  };
};
