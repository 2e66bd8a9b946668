import type { CallLimits } from "../core/call.js";
import { unavailable } from "../core/errors.js";
import type { SessionStore } from "../core/ports/session_store.js";
import { attentiveClockOf, type Database, MAX_SILENCE_MS } from "./database.js";

/** Wrappers that give up the answers of a database that hangs. */
export interface SilenceGuard {
  /** Wraps a port whose methods are one statement each. */
  port<Port extends object>(port: Port): Port;
  /** Wraps the session store. A transaction that is given up before its COMMIT rolls back. */
  store(store: SessionStore): SessionStore;
}

/**
 * Calls of the wrapped ports reject with DEPENDENCY_UNAVAILABLE once they have waited for MAX_SILENCE_MS while Postgres
 * answered no statement of this process: a server that hangs counts as down, and the caller needs the answer within 250
 * ms (guarantees, "Trouble with the stores"). A server that is only slow still answers other statements, which a
 * replica's heartbeat sends ten times a second; the guard waits for it. Time in which this process could not read an
 * answer does not count (O1).
 *
 * An abandoned transaction must have no effect (O3): its next statement is refused, and so is its COMMIT. Only a COMMIT
 * that was already sent may still take effect, and the use cases make either outcome harmless. The limits of the
 * database end any statement that a connection still waits for.
 */
export const unlessUnresponsive = (database: Database): SilenceGuard => {
  const clock = attentiveClockOf(database);
  let heardAt = clock.now();
  database.on("query-response", () => {
    heardAt = clock.now();
  });

  const guarded = <T>(answer: Promise<T>, abandon?: () => void): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const askedAt = clock.now();
      const left = () => Math.max(askedAt, heardAt) + MAX_SILENCE_MS - clock.now();
      let isSettled = false;
      const giveUp = (): void => {
        if (isSettled) return;
        if (left() > 0) {
          look();
          return;
        }
        stop();
        abandon?.();
        reject(unavailable("Postgres answers nobody"));
      };
      const look = (): void => {
        // After a long turn of this process, answers that have arrived meanwhile are read first.
        timer = setTimeout(() => setImmediate(giveUp), left());
      };
      let timer: NodeJS.Timeout | undefined;
      const stop = (): void => {
        if (isSettled) return;
        isSettled = true;
        clearTimeout(timer);
      };
      look();
      answer.then(resolve, reject).finally(stop);
    });

  const port: SilenceGuard["port"] = (port) =>
    Object.fromEntries(
      Object.entries(port).map(([name, method]: [string, (...args: unknown[]) => unknown]) => [
        name,
        (...args: unknown[]) => {
          const answer = method(...args);
          return answer instanceof Promise ? guarded(answer) : answer;
        },
      ]),
    ) as typeof port;

  /** Begins a transaction, and ends it when its answer is given up. */
  const abandoning = async <T>(
    begin: (limits: CallLimits) => Promise<T>,
    call: CallLimits | undefined,
  ): Promise<T> => {
    const { limits, abandon, release } = abandonable(call);
    try {
      return await guarded(begin(limits), abandon);
    } finally {
      release();
    }
  };

  return {
    port,
    store: (store) => ({
      ...port(store),
      transaction: (work, call) => abandoning((limits) => store.transaction(work, limits), call),
      rotate: (rotations, liveAt, call) =>
        abandoning((limits) => store.rotate(rotations, liveAt, limits), call),
    }),
  };
};

/** The limits of a call, or of background work, that the guard can end as well. */
const abandonable = (call: CallLimits | undefined) => {
  const controller = new AbortController();
  const abandon = (): void => controller.abort();
  if (call?.signal.aborted) abandon();
  call?.signal.addEventListener("abort", abandon);
  const { signal } = controller;
  return {
    limits: { signal, deadlineAt: call?.deadlineAt ?? Number.POSITIVE_INFINITY },
    abandon,
    release: (): void => call?.signal.removeEventListener("abort", abandon),
  };
};
