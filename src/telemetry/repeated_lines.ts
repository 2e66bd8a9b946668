/** Counts what would be logged too often. */
export interface RepeatedLines {
  /** @returns whether this is the first of its key in the current window, which is to be logged at once */
  isFirst(key: string): boolean;
}

/**
 * Lets one line of each key through in a window, and reports at the end of the
 * window how many more there were. A line for each call that is refused because
 * there is too much to do would cost more than the refusal.
 *
 * @param report receives each repeated key and the number of its repetitions
 * @param windowMs length of a window, in milliseconds; it begins with the first line of its key
 */
export const createRepeatedLines = (
  report: (key: string, count: number) => void,
  windowMs: number,
): RepeatedLines => {
  const repetitions = new Map<string, number>();
  const close = (key: string): void => {
    const count = repetitions.get(key) ?? 0;
    repetitions.delete(key);
    if (count > 0) report(key, count);
  };
  return {
    isFirst(key) {
      const count = repetitions.get(key);
      repetitions.set(key, count === undefined ? 0 : count + 1);
      if (count !== undefined) return false;
      setTimeout(close, windowMs, key).unref();
      return true;
    },
  };
};
