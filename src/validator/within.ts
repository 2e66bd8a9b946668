import { ValidatorError } from "./validator_error.js";

/**
 * The answer, unless it takes too long: rejects with the signal's reason as soon
 * as it is aborted, and with DEADLINE_EXCEEDED after `ms` milliseconds.
 */
export const within = <T>(
  answer: Promise<T>,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(signal?.reason);
    const giveUp = (): void => reject(new ValidatorError("DEADLINE_EXCEEDED", { retryAfter: 1 }));
    const timer = setTimeout(giveUp, ms);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    answer.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    });
  });
