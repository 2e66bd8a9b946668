/**
 * Resolves to the answer if it arrives within `ms`. An answer that arrived while this process was too busy to read it
 * counts as in time: a long turn of the event loop is not a fault of the server, and a timeout would add work to an
 * overloaded process.
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
