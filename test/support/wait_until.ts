import { setTimeout as wait } from "node:timers/promises";

const POLL_MILLISECONDS = 5;

/**
 * Resolves as soon as `condition` holds; for what gives no event to wait for.
 *
 * @param what completes "Timed out waiting until …".
 * @throws Error after `milliseconds`.
 */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  milliseconds = 40_000,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Timed out waiting until ${what}`);
    await wait(POLL_MILLISECONDS);
  }
}
