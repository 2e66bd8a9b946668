/** Waits that grow with each failure, half of each up to chance, so that validators do not come in step. */
export interface Backoff {
  /** Milliseconds to wait before the next attempt. */
  next(): number;
  /** It worked: begin anew. */
  reset(): void;
}

export const createBackoff = (
  { firstMs, mostMs }: { readonly firstMs: number; readonly mostMs: number },
  random: () => number = Math.random,
): Backoff => {
  let ceiling = firstMs;
  return {
    next() {
      const wait = ceiling * (0.5 + random() / 2);
      ceiling = Math.min(mostMs, ceiling * 2);
      return wait;
    },
    reset() {
      ceiling = firstMs;
    },
  };
};
