/** One who waits, again and again, for the same kind of news. */
export interface Subscriber {
  /** Resolves at the next news; at once if there was some since it last resolved, or the subscriber has been sent away. */
  news(): Promise<void>;
  leave(): void;
}

/** Where any number wait for news at the cost of one. */
export interface Broadcast {
  /** Adds a subscriber. Once `signal` is aborted, the subscriber stops waiting. */
  enter(signal: AbortSignal): Subscriber;
  /** Notifies all subscribers of news: some in each event-loop turn, so that other work continues in between. */
  callAll(): void;
  size(): number;
}

/** Subscribers called in one event-loop turn. */
const CALLED_PER_TURN = 100;

/** @param schedule calls back at the end of the event-loop turn */
export const createBroadcast = (schedule: (task: () => void) => void): Broadcast => {
  const calls = new Set<() => void>();

  const callSome = (uncalled: Iterator<() => void>): void => {
    for (let called = 0; called < CALLED_PER_TURN; called++) {
      const next = uncalled.next();
      if (next.done) return;
      next.value();
    }
    schedule(() => callSome(uncalled));
  };

  return {
    enter(signal) {
      let isCalled = false;
      let wake: (() => void) | undefined;
      const call = (): void => {
        isCalled = true;
        wake?.();
      };
      calls.add(call);
      signal.addEventListener("abort", call);
      return {
        async news() {
          if (!isCalled && !signal.aborted)
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          wake = undefined;
          isCalled = false;
        },
        leave() {
          calls.delete(call);
          signal.removeEventListener("abort", call);
        },
      };
    },
    callAll: () => callSome([...calls].values()),
    size: () => calls.size,
  };
};
