import type { CallLimits } from "../core/call.js";
import { type CurfewError, fail, overloaded, unavailable } from "../core/errors.js";
import { WORK_CLASSES, type WorkClass } from "../core/ports/work_class.js";
import type { Shares } from "./shares.js";

/** Why work was refused: too much waits already, or it would be too late when its turn came. */
export type RefusalCause = "queue_full" | "too_late";

export interface AdmissionOptions {
  /** How many may work at once. */
  readonly size: number;
  /** Of these, how many are for each class alone. */
  readonly shares: Shares;
  /** How long work without a caller waits for its turn, in milliseconds. */
  readonly maxWaitMs: number;
  /** Whether the store answers: refusals while it does not are UNAVAILABLE. */
  readonly answers?: () => boolean;
  /** Receives how long work waited for its turn, in milliseconds. */
  readonly onAdmitted?: ((work: WorkClass, waitedMs: number) => void) | undefined;
  readonly onRefused?: ((work: WorkClass, cause: RefusalCause) => void) | undefined;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
  readonly random?: () => number;
}

export interface WorkState {
  readonly used: number;
  readonly waiting: number;
}

/** The one queue in front of the connections of a pool. */
export interface Admission {
  /**
   * Waits for a turn; undefined: it is there already. Rejects with OVERLOADED
   * at once where too much waits, or where the turn would come too late for the
   * caller; and with DEADLINE_EXCEEDED when the caller goes away meanwhile (O3).
   */
  enter(work: WorkClass, call?: CallLimits): Promise<void> | undefined;
  /** Gives the turn back. */
  leave(work: WorkClass): void;
  stateOf(work: WorkClass): WorkState;
  /** Rejects all that waits: the store is gone. */
  failWaiting(failure: CurfewError): void;
  /** Refuses all that waits, and all that comes. */
  close(): void;
}

/** How much may wait in each class. */
const MAX_WAITING: Readonly<Record<WorkClass, number>> = {
  control: 200,
  validation: 500,
  administration: 2000,
  sign_in: 5000,
  background: 1000,
};

/**
 * The part of the caller's remaining time that may pass in the queue. The rest is for the work itself, and for errors
 * of the estimate.
 */
const WAITING_PART = 0.5;
/** Weight of the newest measurement in an average, and how many measurements an estimate needs. */
const NEWEST_WEIGHT = 0.1;
const MIN_SAMPLES = 20;
/** The time that a refused caller has to wait, in milliseconds: the least and the most. */
const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;
const RETRY_STEP_MS = 25;

interface Waiter {
  readonly since: number;
  readonly deadlineAt: number;
  settle(failure?: CurfewError): void;
}

/** The state of one class of work. */
interface Lane {
  readonly work: WorkClass;
  readonly share: number;
  /** In the order of arrival. */
  readonly queue: Set<Waiter>;
  used: number;
  /** Average time between two turns that end while others wait, in milliseconds, of so many measurements. */
  intervalMs: number;
  samples: number;
  /** Since when work has waited without the end of a turn. */
  backlogSince: number;
  servedAt: number;
}

const closed = (): CurfewError => unavailable("the pool of connections is closed");

export const createAdmission = (options: AdmissionOptions): Admission => {
  const { size, shares, maxWaitMs, answers = () => true, onAdmitted, onRefused } = options;
  const { now = () => performance.now(), random = Math.random } = options;
  const lanes = new Map<WorkClass, Lane>(
    WORK_CLASSES.map((work) => [
      work,
      {
        work,
        share: shares[work],
        queue: new Set(),
        used: 0,
        intervalMs: 0,
        samples: 0,
        backlogSince: 0,
        servedAt: 0,
      },
    ]),
  );
  const all = [...lanes.values()];
  let used = 0;
  let turns = 0;
  let isClosed = false;

  const laneOf = (work: WorkClass): Lane => lanes.get(work) as Lane;

  /** Whether one more may start: within its own share, or beyond the places reserved for the other classes. */
  const mayStart = (lane: Lane): boolean => {
    if (used >= size) return false;
    if (lane.used < lane.share) return true;
    const kept = all.reduce(
      (sum, other) => sum + (other === lane ? 0 : Math.max(0, other.share - other.used)),
      0,
    );
    return used + kept < size;
  };

  const start = (lane: Lane): void => {
    used += 1;
    lane.used += 1;
    lane.servedAt = ++turns;
  };

  /** How long work that comes now would wait; 0: not known yet. */
  const estimateMs = ({ queue, intervalMs, samples }: Lane): number =>
    samples < MIN_SAMPLES ? 0 : (queue.size + 1) * intervalMs;

  /** The wait has a random part, so that callers that were refused together do not return together. */
  const refusal = (lane: Lane, cause: RefusalCause): CurfewError => {
    if (!answers()) return unavailable(`${lane.work}: ${cause}, and the store does not answer`);
    onRefused?.(lane.work, cause);
    const wait = Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, estimateMs(lane)));
    // In steps, so that few statuses serve all callers of a storm.
    const retryMs = Math.ceil((wait * (1 + random() / 2)) / RETRY_STEP_MS) * RETRY_STEP_MS;
    return overloaded(retryMs, `${lane.work}: ${cause}`);
  };

  /** Of the classes that may start work, one within its share; else the one that was served least recently. */
  const nextLane = (): Lane | undefined => {
    let next: Lane | undefined;
    for (const lane of all) {
      if (lane.queue.size === 0 || !mayStart(lane)) continue;
      if (lane.used < lane.share) return lane;
      if (next === undefined || lane.servedAt < next.servedAt) next = lane;
    }
    return next;
  };

  const dispatch = (): void => {
    for (let lane = nextLane(); lane !== undefined; lane = nextLane()) {
      const [waiter] = lane.queue;
      if (waiter === undefined) return;
      const at = now();
      // What cannot be done in time is not begun: it would take the turn of another.
      if (at + lane.intervalMs * (lane.used + 1) >= waiter.deadlineAt) {
        waiter.settle(refusal(lane, "too_late"));
        continue;
      }
      start(lane);
      onAdmitted?.(lane.work, at - waiter.since);
      waiter.settle();
    }
  };

  const wait = (lane: Lane, deadlineAt: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const since = now();
      const waiter: Waiter = {
        since,
        deadlineAt,
        settle(failure) {
          clearTimeout(timer);
          signal?.removeEventListener("abort", abandon);
          lane.queue.delete(waiter);
          if (failure === undefined) resolve();
          else reject(failure);
        },
      };
      const expire = (): void => waiter.settle(refusal(lane, "too_late"));
      const abandon = (): void =>
        waiter.settle(fail("DEADLINE_EXCEEDED", { cause: "the caller has gone" }));
      // Node turns a greater delay into 1 ms.
      const timer = setTimeout(expire, Math.min(deadlineAt - since, 2 ** 31 - 1));
      signal?.addEventListener("abort", abandon);
      if (lane.queue.size === 0) lane.backlogSince = since;
      lane.queue.add(waiter);
    });

  const failWaiting = (failure: CurfewError): void => {
    for (const { queue } of all) for (const waiter of [...queue]) waiter.settle(failure);
  };

  return {
    enter(work, call) {
      const lane = laneOf(work);
      if (isClosed) return Promise.reject(closed());
      if (call?.signal.aborted)
        return Promise.reject(fail("DEADLINE_EXCEEDED", { cause: "the caller has gone" }));
      if (lane.queue.size === 0 && mayStart(lane)) {
        start(lane);
        onAdmitted?.(work, 0);
        return undefined;
      }
      if (lane.queue.size >= MAX_WAITING[work]) return Promise.reject(refusal(lane, "queue_full"));
      const at = now();
      if (call === undefined) return wait(lane, at + maxWaitMs);
      if (estimateMs(lane) > (call.deadlineAt - at) * WAITING_PART)
        return Promise.reject(refusal(lane, "too_late"));
      return wait(lane, call.deadlineAt, call.signal);
    },

    leave(work) {
      const lane = laneOf(work);
      used -= 1;
      lane.used -= 1;
      if (lane.queue.size > 0) {
        const at = now();
        lane.samples += 1;
        const weight = Math.max(NEWEST_WEIGHT, 1 / lane.samples);
        lane.intervalMs += weight * (at - lane.backlogSince - lane.intervalMs);
        lane.backlogSince = at;
      }
      dispatch();
    },

    stateOf: (work) => ({ used: laneOf(work).used, waiting: laneOf(work).queue.size }),

    failWaiting,

    close() {
      isClosed = true;
      failWaiting(closed());
    },
  };
};
