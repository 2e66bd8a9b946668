import type { Clock } from "../../core/ports/clock.js";

export interface ReloadGateOptions {
  readonly reload: () => Promise<void>;
  readonly clock: Pick<Clock, "monotonic" | "sleep">;
  /** The least time from the end of one reload to the start of the next, in milliseconds. */
  readonly minIntervalMs: number;
}

/**
 * Makes a reload safe for any caller at any rate. Each caller receives the result of a load that began after its call,
 * so the load finds every key that was created before the call. All callers that wait for the same load share it.
 */
export function createReloadGate({
  reload,
  clock,
  minIntervalMs,
}: ReloadGateOptions): () => Promise<void> {
  let upcoming: Promise<void> | undefined;
  let running: Promise<void> | undefined;
  let endedAt = Number.NEGATIVE_INFINITY;

  async function loadFromNowOn(): Promise<void> {
    // A failure of that load was answered to those that asked for it.
    await running?.catch(() => undefined);
    const wait = endedAt + minIntervalMs - clock.monotonic();
    if (wait > 0) await clock.sleep(wait);
    upcoming = undefined;
    running = reload().finally(() => {
      endedAt = clock.monotonic();
    });
    return running;
  }

  return () => {
    upcoming ??= loadFromNowOn();
    return upcoming;
  };
}
