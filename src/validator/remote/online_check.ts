import { status as Code, type ServiceError } from "@grpc/grpc-js";
import type { ValidateTokenRequest } from "../../../generated/curfew/v1/auth_service.js";
import type { Ask } from "../channel/ask.js";
import { createBackoff } from "../channel/backoff.js";
import { callFailure, verdictOf } from "../rpc_failure.js";
import { sessionOf, type ValidSession } from "../valid_session.js";
import { outage, ValidatorError } from "../validator_error.js";
import { type Question, questionKey, takeBatch } from "./question.js";

/** Calls under way at once; while all are, questions gather for the next. */
const MAX_CALLS = 16;
const MAX_ATTEMPTS = 4;
const BACKOFF = { firstMs: 20, mostMs: 400 };

/** Validates tokens by calls to Curfew, against the current state of the primary store. */
export interface OnlineCheck {
  /**
   * Rejects with the verdict of a token that is not good, and with
   * DEPENDENCY_UNAVAILABLE, OVERLOADED or DEADLINE_EXCEEDED when nothing is known.
   */
  check(request: ValidateTokenRequest): Promise<ValidSession>;
  /** From now on every question is refused; those under way may still be answered. */
  close(): void;
}

export interface OnlineCheckOptions {
  readonly ask: Ask;
  readonly deadlineMs: number;
  /** The oldest that an answer may be when it is taken, in milliseconds. */
  readonly maxAge: number;
  readonly maxPending: number;
  /**
   * Called for each valid token with the time at which the request was sent on the monotonic clock, the request, and
   * the answer.
   */
  readonly onAnswer?: (sentAt: number, asked: ValidateTokenRequest, answer: ValidSession) => void;
  readonly onProblem: (problem: Error) => void;
}

/**
 * The time until the next attempt at a busy Curfew, in milliseconds: never less than the requested time, and with
 * jitter.
 */
const whenThereIsRoom = ({ retryAfter = 0 }: ValidatorError): number =>
  retryAfter * 1000 * (1 + Math.random() / 2);

const tooLate = (): ValidatorError => new ValidatorError("DEADLINE_EXCEEDED", { retryAfter: 1 });

/**
 * All questions of one event-loop turn are sent in one ValidateTokens call, equal questions once. No caller joins a
 * question that has been sent: the session may have been revoked since (L1). A call that fails as UNAVAILABLE, or that
 * a replica has not answered in half of the available time, goes to the next replica. A call that fails as OVERLOADED
 * is repeated after the time that Curfew gave, with jitter. An answer counts only within the time of its call: this
 * process may have been suspended meanwhile, and the answer is then outdated (L7).
 */
export const createOnlineCheck = (options: OnlineCheckOptions): OnlineCheck => {
  const { ask, deadlineMs, maxAge, maxPending } = options;
  const waiting: Question[] = [];
  let joinable = new Map<string, Promise<ValidSession>>();
  let pending = 0;
  let calls = 0;
  let isScheduled = false;
  let isClosed = false;

  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(sendAll);
  };

  /** Refuses the questions that have waited for too long, so that no call is made in vain. */
  const dropHopeless = (): void => {
    const now = performance.now();
    for (const question of waiting.splice(0)) {
      if (isClosed) question.reject(outage(new Error("The validator is closed")));
      else if (question.deadline > now) waiting.push(question);
      else question.reject(tooLate());
    }
  };

  const sendAll = (): void => {
    isScheduled = false;
    joinable = new Map();
    dropHopeless();
    while (waiting.length > 0 && calls < MAX_CALLS) void send(takeBatch(waiting));
  };

  /** Repeats the question if time is left; else rejects it with `failure`. */
  const retry = (question: Question, failure: ValidatorError): void => {
    question.attempts += 1;
    const backoff = createBackoff(BACKOFF);
    let wait = failure.reason === "OVERLOADED" ? whenThereIsRoom(failure) : 0;
    if (wait === 0)
      for (let attempt = 0; attempt < question.attempts; attempt += 1) wait = backoff.next();
    const left = question.deadline - performance.now();
    if (question.attempts >= MAX_ATTEMPTS || left <= wait) {
      question.reject(failure);
      return;
    }
    setTimeout(() => {
      waiting.push(question);
      schedule();
    }, wait);
  };

  const send = async (batch: Question[]): Promise<void> => {
    calls += 1;
    const sentAt = performance.now();
    const sentWall = Date.now();
    const left = Math.min(...batch.map(({ deadline }) => deadline - sentAt));
    const isLast = batch.some(({ attempts }) => attempts >= MAX_ATTEMPTS - 1);
    const wanted = isLast ? left : Math.max(left / 2, Math.min(left, 100));
    const timeoutMs = Math.max(1, Math.min(maxAge, wanted));
    try {
      const { results } = await ask(
        (client) => client.validateTokens,
        { requests: batch.map(({ request }) => request) },
        timeoutMs,
      );
      // The monotonic clock stands still while some machines sleep.
      const age = Math.max(performance.now() - sentAt, Date.now() - sentWall);
      if (age > timeoutMs) {
        for (const question of batch) retry(question, tooLate());
        return;
      }
      batch.forEach((question, index) => {
        const result = results[index]?.result;
        if (result?.$case === "token") {
          const session = sessionOf(result.value);
          options.onAnswer?.(sentAt, question.request, session);
          question.resolve(session);
          return;
        }
        const verdict = result ? verdictOf(result.value) : outage(new Error("no result"));
        if (verdict.code === Code.UNAVAILABLE || verdict.reason === "OVERLOADED")
          retry(question, verdict);
        else question.reject(verdict);
      });
    } catch (error) {
      const { code } = error as ServiceError;
      const failure = callFailure(error as ServiceError);
      if (code === Code.UNAUTHENTICATED || code === Code.PERMISSION_DENIED)
        options.onProblem(failure.cause as Error);
      const again =
        code === Code.UNAVAILABLE ||
        code === Code.DEADLINE_EXCEEDED ||
        failure.reason === "OVERLOADED";
      for (const question of batch) again ? retry(question, failure) : question.reject(failure);
    } finally {
      calls -= 1;
      if (waiting.length > 0) schedule();
    }
  };

  return {
    check(request) {
      const key = questionKey(request);
      const joined = joinable.get(key);
      if (joined !== undefined) return joined;
      if (isClosed || pending >= maxPending) {
        const failure = isClosed
          ? outage(new Error("The validator is closed"))
          : new ValidatorError("OVERLOADED", {
              cause: new Error(`${pending} checks wait already`),
              retryAfter: 1,
            });
        return Promise.reject(failure);
      }
      pending += 1;
      const answer = new Promise<ValidSession>((resolve, reject) => {
        const deadline = performance.now() + deadlineMs;
        waiting.push({ request, deadline, attempts: 0, resolve, reject });
      }).finally(() => {
        pending -= 1;
      });
      joinable.set(key, answer);
      schedule();
      return answer;
    },

    close() {
      isClosed = true;
      schedule();
    },
  };
};
