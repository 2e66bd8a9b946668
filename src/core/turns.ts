/** Lets callers go on a few in each turn of the event loop. */
export type Turns = () => Promise<void>;

/**
 * Spreads work that becomes ready all at once over turns of the event loop, in
 * order: between two turns everybody else's requests are read and answered (O2).
 *
 * @param schedule calls back when the turn is over, for example `setImmediate`
 * @param perTurn how many callers go on in one turn
 */
export const createTurns = (schedule: (task: () => void) => void, perTurn: number): Turns => {
  let waiting: (() => void)[] = [];
  let isScheduled = false;

  const next = (): void => {
    isScheduled = false;
    const ready = waiting.slice(0, perTurn);
    waiting = waiting.slice(perTurn);
    for (const proceed of ready) proceed();
    wake();
  };
  const wake = (): void => {
    if (isScheduled || waiting.length === 0) return;
    isScheduled = true;
    schedule(next);
  };

  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      wake();
    });
};
