import { setTimeout as wait } from "node:timers/promises";
import { afterAll } from "vitest";

/**
 * Fails a test file that leaves sockets, servers, child processes or timers behind: for example a pool that was not
 * closed or an interval that was not cleared. Handles that do not keep Node alive (`unref`) are no leak.
 */

/** Node's names of the handles a test file owns; file reads and name look-ups end by themselves. */
const WATCHED_TYPES = new Set([
  "TCPSocketWrap",
  "TCPServerWrap",
  "PipeWrap",
  "PipeServerWrap",
  "TLSWrap",
  "UDPWrap",
  "ProcessWrap",
  "FSEventWrap",
  "StatWatcher",
  "Timeout",
]);

/** The time that closing handles may take on a busy machine; without open handles there is no wait. */
const GRACE_MILLISECONDS = 5_000;
const POLL_MILLISECONDS = 5;

// Bound here because a test file may fake the clock.
const now = performance.now.bind(performance);

function countOpenResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) {
    if (WATCHED_TYPES.has(type)) counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return counts;
}

function describeLeaks(before: Map<string, number>): string[] {
  return [...countOpenResources()]
    .map(([type, count]) => ({ type, extra: count - (before.get(type) ?? 0) }))
    .filter(({ extra }) => extra > 0)
    .map(({ type, extra }) => `${extra} × ${type}`);
}

// Node opens the pipes of the standard streams at their first use, which is no leak of the file's.
void [process.stdout, process.stderr];
const before = countOpenResources();

afterAll(async () => {
  const deadline = now() + GRACE_MILLISECONDS;
  while (describeLeaks(before).length > 0 && now() < deadline) await wait(POLL_MILLISECONDS);
  const leaks = describeLeaks(before);
  if (leaks.length > 0) {
    throw new Error(
      `This test file left open: ${leaks.join(", ")}. Close what it started in afterEach or afterAll.`,
    );
  }
}, 2 * GRACE_MILLISECONDS);
