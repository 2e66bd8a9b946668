/**
 * Waits for shared work on behalf of one caller: the caller's abort ends the
 * waiting, never the work.
 */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

/** A signal that aborts with its parent or when its time is up. */
export interface TimeLimit {
  readonly signal: AbortSignal;
  /** Whether time, and not the parent, aborted it. */
  expired(): boolean;
  /** To be called when the work is done, else the timer stays. */
  stop(): void;
}

/** Starts a time limit. `AbortSignal.any` would do, but Safari has it only since 17.4. */
export function startTimeLimit(milliseconds: number, parent?: AbortSignal | null): TimeLimit {
  const controller = new AbortController();
  let expired = false;
  const follow = () => controller.abort(parent?.reason);
  const timer = setTimeout(() => {
    expired = true;
    controller.abort();
  }, milliseconds);
  if (parent?.aborted) follow();
  else parent?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    expired: () => expired,
    stop() {
      clearTimeout(timer);
      parent?.removeEventListener("abort", follow);
    },
  };
}
