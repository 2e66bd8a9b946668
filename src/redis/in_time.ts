/**
 * The answer, if it comes within `ms`. What came while this process was too busy
 * to read it is in time: a long turn of the event loop is no fault of the server,
 * and would be answered with more work, in the place of less.
 *
 * @throws Error when time is up
 */
export const inTime = <T>(answer: Promise<T>, ms: number): Promise<T> =>
  new Promise((resolve, reject) => {
    const giveUp = (): void => reject(new Error(`no answer within ${ms} ms`));
    // Timers come before sockets in a turn, immediates after them.
    const timer = setTimeout(() => setImmediate(giveUp), ms);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
