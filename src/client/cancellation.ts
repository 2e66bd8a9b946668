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

/** Starts a time limit; null: none. `AbortSignal.any` would do, but Safari has it only since 17.4. */
export function startTimeLimit(
  milliseconds: number | null,
  parent?: AbortSignal | null,
): TimeLimit {
  const controller = new AbortController();
  let expired = false;
  const follow = () => controller.abort(parent?.reason);
  const expire = () => {
    expired = true;
    controller.abort();
  };
  const timer = milliseconds === null ? undefined : setTimeout(expire, milliseconds);
  // In Node a timer must not keep the process alive; in browsers it is a number.
  if (typeof timer === "object") timer.unref();
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

/** Resolves when the work is done, however it ends, or when the time is up. */
export async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const limit = startTimeLimit(milliseconds);
  await abortable(work, limit.signal).catch(() => undefined);
  limit.stop();
}
