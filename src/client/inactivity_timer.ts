import { createDeadlineTimer } from "./deadline_timer.js";
import type { Session } from "./session.js";

const MINUTE = 60_000;
const DEFAULT_TIMEOUT = 25 * MINUTE;

/**
 * How long, in ms, a user may do nothing here: five minutes less than the
 * server allows, or a sixth less where it allows under half an hour. Twenty-five
 * minutes when the server did not say.
 */
export function inactivityTimeoutFor(session: Session | null): number {
  if (session === null) return DEFAULT_TIMEOUT;
  const idle = Date.parse(session.idle_expires_at) - Date.parse(session.last_activity_at);
  return idle > 0 ? idle - Math.min(5 * MINUTE, idle / 6) : DEFAULT_TIMEOUT;
}

/** Tells when the user has done nothing, in any tab, for too long. */
export interface InactivityTimer {
  /** Starts anew from this moment. */
  start(timeoutMs: number): void;
  /** Notes a use, at a moment in ms since the epoch. Cheap: no timer moves. */
  touch(at: number): void;
  stop(): void;
  /** When it will be due if nothing happens, in ms since the epoch; null while stopped. */
  deadline(): number | null;
}

/** What the timer needs. */
export interface InactivityTimerDeps {
  readonly onInactive: () => void;
  /** The last use in any tab, as far as the storage knows. */
  readonly lastActivity: () => number | null;
}

/** Makes a stopped timer. */
export function createInactivityTimer(deps: InactivityTimerDeps): InactivityTimer {
  let timeout: number | null = null;
  let last = 0;
  const deadline = () => (timeout === null ? null : last + timeout);

  const timer = createDeadlineTimer(() => {
    // A tab that was frozen has not heard of the others' uses yet.
    last = Math.max(last, deps.lastActivity() ?? 0);
    const due = deadline();
    if (due === null) return;
    if (due > Date.now()) timer.set(due);
    else deps.onInactive();
  });

  return {
    deadline,
    start(timeoutMs) {
      timeout = timeoutMs;
      last = Date.now();
      timer.set(last + timeoutMs);
    },
    touch(at) {
      // A neighbour's clock is this machine's; a moment ahead of it is a mistake.
      last = Math.max(last, Math.min(at, Date.now()));
    },
    stop() {
      timeout = null;
      timer.clear();
    },
  };
}
