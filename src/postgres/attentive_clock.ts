/**
 * A clock that counts only the time in which this process was able to read an
 * answer. While the event loop is late, or the process gets no processor, the
 * clock stands still: answers that lie unread say nothing about the server.
 */
export interface AttentiveClock {
  /** Milliseconds; never goes back. */
  now(): number;
  /** Keeps the clock running until the returned function is called. Without a runner it stands still. */
  run(): () => void;
}

const TICK_MS = 20;
/** A step that took longer was a late event loop, and counts as this much. */
const MAX_STEP_MS = 2 * TICK_MS;

/**
 * @param time milliseconds of a monotonic clock
 */
export const createAttentiveClock = (time = () => performance.now()): AttentiveClock => {
  let total = 0;
  let lastTick = 0;
  let runners = 0;
  let timer: NodeJS.Timeout | undefined;

  const step = (): number => Math.min(time() - lastTick, MAX_STEP_MS);
  const tick = (): void => {
    total += step();
    lastTick = time();
  };

  return {
    now: () => total + (runners > 0 ? step() : 0),
    run() {
      if (runners++ === 0) {
        lastTick = time();
        timer = setInterval(tick, TICK_MS);
        timer.unref();
      }
      return () => {
        if (--runners > 0) return;
        tick();
        clearInterval(timer);
      };
    },
  };
};
