export interface ReloadGateOptions {
  readonly reload: () => Promise<void>;
  /** Milliseconds from any fixed point. */
  readonly monotonic: () => number;
  /** The least time from the end of one reload to the start of the next, in milliseconds. */
  readonly minIntervalMs: number;
}

/**
 * Makes a reload safe to ask for by anybody at any rate: whoever asks while
 * one is under way, or soon after, gets the outcome of that one.
 */
export function createReloadGate({
  reload,
  monotonic,
  minIntervalMs,
}: ReloadGateOptions): () => Promise<void> {
  let latest: Promise<void> | undefined;
  let openAt = 0;
  return () => {
    if (latest === undefined || monotonic() >= openAt) {
      openAt = Number.POSITIVE_INFINITY;
      latest = reload().finally(() => {
        openAt = monotonic() + minIntervalMs;
      });
    }
    return latest;
  };
}
