import { createBatcher } from "../batcher.js";
import type { Call, CallLimits } from "../call.js";
import { CurfewError, fail, isUndecided } from "../errors.js";
import { type AccessTokenTerms, accessTokenTerms } from "../login/issue_tokens.js";
import type { Clock } from "../ports/clock.js";
import type { IdSource } from "../ports/id_source.js";
import type { Rotated, SessionStore } from "../ports/session_store.js";
import type { ActivityLog } from "../session/activity_log.js";
import { assuranceAt } from "../session/assurance.js";
import type { CoreSettings } from "../settings.js";
import { createTurns } from "../turns.js";
import type { AnswerLog } from "./answer_log.js";

/** Most refreshes of one transaction, and most such transactions at once: the next gathers meanwhile. */
const MAX_BATCH = 64;
const MAX_IN_FLIGHT = 2;
/** Most refreshes that wait for a transaction. */
const MAX_WAITING = 5000;
/** Of the time that a caller still waits, this part may pass before its transaction begins. */
const WAITING_PART = 0.5;
/** Weight of the newest measurement in an average. */
const NEWEST_WEIGHT = 0.2;
/**
 * The time that a refused caller has to wait, in milliseconds: the least, and the step; then the number of different
 * times.
 */
const MIN_RETRY_MS = 250;
const RETRY_STEP_MS = 50;
const RETRY_PLACES = 10;
/** Refreshes whose tokens are signed and answered in one event-loop turn at least, and milliseconds that each takes. */
const MAX_PER_TURN = 8;
const ANSWER_MS = 0.25;
/** How often a transaction that callers have left is run again without them. */
const MAX_RUNS = 3;

/** The known facts of a session before its rotation: none that shortens a token. */
const UNKNOWN_SESSION = { expiresAt: Number.POSITIVE_INFINITY, amr: [] };

/** A refresh token that is good by its form. */
export interface PresentedToken {
  readonly sessionId: string;
  readonly generation: number;
  readonly skipActivity: boolean;
  readonly ip: string;
  readonly call: Call | undefined;
}

/** A refresh that made a successor. Times are milliseconds since the epoch. */
export interface FirstUse extends Rotated {
  readonly terms: AccessTokenTerms;
  readonly at: number;
}

/**
 * Rotates refresh tokens that are used for the first time, those of one
 * event-loop turn in one transaction. Undefined: the token or its session is in
 * any other state, or the caller has gone; a transaction of its own decides.
 * Rejects with OVERLOADED, at once, where too many wait, or where the turn would
 * come too late for the caller (O1).
 */
export const createFirstUse = (deps: {
  store: Pick<SessionStore, "rotate">;
  activity: Pick<ActivityLog, "pending">;
  answers: Pick<AnswerLog, "sentAt">;
  ids: IdSource;
  clock: Pick<Clock, "now" | "monotonic">;
  schedule: (task: () => void) => void;
  settings: CoreSettings;
}): ((presented: PresentedToken) => Promise<FirstUse | undefined>) => {
  const { store, activity, answers, ids, clock, settings } = deps;

  const rotate = async (presented: readonly PresentedToken[], call: CallLimits | undefined) => {
    const now = clock.now();
    const liveAt = { now, idleTimeoutMs: settings.idleTimeoutMs };
    const asked = presented.map((one) => {
      const { sessionId, generation, skipActivity, ip } = one;
      const terms = accessTokenTerms(ids, now, UNKNOWN_SESSION, settings);
      const rotation = {
        sessionId,
        generation,
        jti: terms.jti,
        accessExpiresAt: terms.expiresAt,
        usedAt: Math.max(activity.pending(sessionId), skipActivity ? 0 : now),
        answeredAt: answers.sentAt(sessionId, generation),
        isUnanswered: one.call !== undefined,
        ip,
      };
      return { terms, rotation };
    });
    const rotated = await store.rotate(
      asked.map(({ rotation }) => rotation),
      liveAt,
      call,
    );
    return asked.map(({ terms }, i): FirstUse | undefined => {
      const one = rotated[i];
      if (one === undefined) return undefined;
      const { session } = one;
      const expiresAt = Math.min(
        terms.expiresAt,
        session.expiresAt,
        // A token that says an elevation ends with it (I3).
        assuranceAt(session, now).expiresAt,
      );
      return { ...one, terms: { ...terms, expiresAt }, at: now };
    });
  };

  const runOnce = async (presented: PresentedToken[]): Promise<(FirstUse | undefined)[]> => {
    const uses = new Map<PresentedToken, FirstUse | undefined>();
    let left = firstOfEach(presented);
    for (let runs = 1; runs <= MAX_RUNS; runs++) {
      left = left.filter(({ call }) => !call?.signal.aborted);
      if (left.length === 0) break;
      const shared = shareCalls(left.map(({ call }) => call));
      try {
        const rotated = await rotate(left, shared.call);
        for (const [i, one] of left.entries()) uses.set(one, rotated[i]);
        break;
      } catch (error) {
        // A defect may be of one session alone: the others must not suffer from it.
        if (!isUndecided(error)) break;
        // Nothing was committed, since a caller has gone: again, without it (O3).
        if (!hasCallerGone(error)) throw error;
      } finally {
        shared.release();
      }
    }
    return presented.map((one) => uses.get(one));
  };

  let waiting = 0;
  let refused = 0;
  /** Average time of a transaction, in milliseconds: it hardly depends on how many share it. */
  let transactionMs = 0;
  const estimateMs = (): number => (waiting / (MAX_BATCH * MAX_IN_FLIGHT)) * transactionMs;

  const run = async (presented: PresentedToken[]): Promise<(FirstUse | undefined)[]> => {
    waiting -= presented.length;
    const startedAt = clock.monotonic();
    try {
      return await runOnce(presented);
    } finally {
      transactionMs += NEWEST_WEIGHT * (clock.monotonic() - startedAt - transactionMs);
    }
  };
  const inBatch = createBatcher({
    run,
    maxBatch: MAX_BATCH,
    maxInFlight: MAX_IN_FLIGHT,
    schedule: deps.schedule,
  });
  const turn = createTurns({
    schedule: deps.schedule,
    monotonic: clock.monotonic,
    maxPerTurn: MAX_PER_TURN,
    eachMs: ANSWER_MS,
  });

  return async (presented) => {
    const { call } = presented;
    const leftMs = call ? call.deadlineAt - clock.monotonic() : Number.POSITIVE_INFINITY;
    const waitMs = estimateMs();
    if (waiting >= MAX_WAITING || waitMs > Math.max(0, leftMs * WAITING_PART))
      throw tooMany(waitMs, refused++);
    waiting += 1;
    const used = await inBatch(presented);
    if (used !== undefined) await turn();
    return used;
  };
};

/** One token of each session: of several the others can only repeat it. */
const firstOfEach = (presented: readonly PresentedToken[]): PresentedToken[] => {
  const known = new Set<string>();
  return presented.filter(({ sessionId }) => {
    const isFirst = !known.has(sessionId);
    known.add(sessionId);
    return isFirst;
  });
};

/**
 * Asks callers to retry at stepped times: few distinct statuses serve a whole storm, and the later steps spread the
 * callers so that they do not return together.
 */
const tooMany = (waitMs: number, place: number): CurfewError => {
  const wait = Math.max(MIN_RETRY_MS, waitMs) * (1 + (place % RETRY_PLACES) / (2 * RETRY_PLACES));
  return fail("OVERLOADED", {
    retryAfterMs: Math.ceil(wait / RETRY_STEP_MS) * RETRY_STEP_MS,
    metadata: { refused_by: "queue", limit: "refreshes" },
  });
};

const hasCallerGone = (error: unknown): boolean =>
  error instanceof CurfewError && error.reason === "DEADLINE_EXCEEDED";

/** The limits of several calls together: over when one of them is, so that nothing is committed for it. */
const shareCalls = (calls: readonly (Call | undefined)[]) => {
  const callers = calls.filter((call) => call !== undefined);
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  for (const { signal } of callers) {
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
  }
  const { signal } = controller;
  // Work of this process waits as long as the longest of its callers.
  const deadlineAt = Math.max(...callers.map((call) => call.deadlineAt));
  return {
    call: callers.length === 0 ? undefined : { signal, deadlineAt },
    release: (): void => {
      for (const { signal } of callers) signal.removeEventListener("abort", abort);
    },
  };
};
