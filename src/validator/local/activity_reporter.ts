import type { Activity } from "../../../generated/curfew/v1/auth_service.js";

/** When a session was last used; changed in place, because it is on the path of every check. */
export interface Use {
  readonly sessionId: string;
  /** On the monotonic clock. */
  lastUse: number;
  /** Whether the reporter has it on its list. */
  isWaiting: boolean;
}

/** Reports to Curfew the uses of sessions that were validated locally, so that these sessions do not count as idle. */
export interface ActivityReporter {
  used(use: Use): void;
  /** How long sessions of this service may be unused, in milliseconds: reports come often enough for it. */
  observeTimeout(idleTimeoutMs: number): void;
  /** Reports the waiting uses. Rejects if the call fails; the uses are kept then. */
  flush(): Promise<void>;
  close(): void;
}

/** Least and most milliseconds between reports: half of what may be lost of activity (A1). */
const SHORTEST_MS = 20;
const LONGEST_MS = 2500;
const SHARE_OF_TIMEOUT = 40;
/** Most activities of one RecordActivity. */
const BATCH = 1000;

export interface ActivityReporterOptions {
  readonly record: (activities: Activity[]) => Promise<unknown>;
  /** A time of the monotonic clock on Curfew's, or earlier; undefined: not known, which means now. */
  readonly serverTime: (local: number) => number | undefined;
  /** Most sessions that wait for a report; the oldest give way. */
  readonly capacity: number;
  /** Called once when reports begin to fail. */
  readonly onProblem: (problem: Error) => void;
}

export const activityReporter = (options: ActivityReporterOptions): ActivityReporter => {
  let waiting = new Set<Use>();
  let intervalMs = LONGEST_MS;
  let timer: NodeJS.Timeout | undefined;
  let isFailing = false;
  let isClosed = false;

  const add = (use: Use): void => {
    use.isWaiting = true;
    waiting.add(use);
    if (waiting.size <= options.capacity) return;
    for (const oldest of waiting) {
      oldest.isWaiting = false;
      waiting.delete(oldest);
      break;
    }
  };

  const activityOf = ({ sessionId, lastUse }: Use): Activity => {
    const at = options.serverTime(lastUse);
    return { sessionId, at: at === undefined ? undefined : new Date(at) };
  };

  const flush = async (): Promise<void> => {
    const uses = [...waiting];
    waiting = new Set();
    for (let start = 0; start < uses.length; start += BATCH) {
      const batch = uses.slice(start, start + BATCH);
      for (const use of batch) use.isWaiting = false;
      try {
        await options.record(batch.map(activityOf));
      } catch (error) {
        for (const use of uses.slice(start)) add(use);
        throw error;
      }
    }
  };

  const tellProblem = (cause: unknown): void => {
    if (!isFailing)
      options.onProblem(
        new Error("Uses of sessions cannot be reported (RecordActivity): they may time out", {
          cause,
        }),
      );
    isFailing = true;
  };

  const schedule = (): void => {
    if (timer !== undefined || isClosed) return;
    timer = setTimeout(async () => {
      // Reports that could not be sent wait for the next attempt.
      await flush().then(() => {
        isFailing = false;
      }, tellProblem);
      timer = undefined;
      if (waiting.size > 0) schedule();
    }, intervalMs);
    timer.unref();
  };

  return {
    used(use) {
      if (use.isWaiting) return;
      add(use);
      schedule();
    },
    observeTimeout(idleTimeoutMs) {
      if (!(idleTimeoutMs > 0)) return;
      intervalMs = Math.max(SHORTEST_MS, Math.min(intervalMs, idleTimeoutMs / SHARE_OF_TIMEOUT));
    },
    flush,
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
};
