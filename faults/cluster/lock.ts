/** Runs `work` when all that was given before has ended, well or badly. */
export type Lock = <Result>(work: () => Promise<Result>) => Promise<Result>;

export const createLock = (): Lock => {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
};
