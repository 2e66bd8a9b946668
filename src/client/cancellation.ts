import { letProcessEnd } from "./let_process_end.js";

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

/**
 * Runs work with a signal that aborts with `parent`, or when the time is up,
 * and rejects at that moment whatever the work does.
 *
 * `AbortSignal.any` and `AbortSignal.timeout` would do, but Safari has the
 * first only since 17.4.
 *
 * @param milliseconds null: no limit
 */
export async function limited<T>(
  milliseconds: number | null,
  parent: AbortSignal | null | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const follow = () => controller.abort(parent?.reason);
  const expire = () => controller.abort(new Error(`No answer within ${milliseconds} ms`));
  const timer = milliseconds === null ? undefined : setTimeout(expire, milliseconds);
  letProcessEnd(timer);
  if (parent?.aborted) follow();
  else parent?.addEventListener("abort", follow);
  try {
    return await abortable(work(controller.signal), controller.signal);
  } finally {
    clearTimeout(timer);
    parent?.removeEventListener("abort", follow);
  }
}

/** Resolves when the work is done, however it ends, or when the time is up. */
export const within = (milliseconds: number, work: Promise<unknown>): Promise<unknown> =>
  limited(milliseconds, null, () => work).catch(() => undefined);
