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

/** Reports that the user has been inactive in all tabs for too long. Decides by the clock, not by its timer. */
export interface InactivityTimer {
  /** Starts anew from a moment, in ms since the epoch. */
  start(timeoutMs: number, from: number): void;
  /** Notes a use, at a moment in ms since the epoch. Cheap: no timer moves. */
  touch(at: number): void;
  stop(): void;
  /** When it will be due if nothing happens, in ms since the epoch; null while stopped. */
  deadline(): number | null;
  /** Whether it is due: after a sleep, before its own timer has noticed. */
  isDue(): boolean;
  /** Calls back at once if it is due. */
  check(): void;
  /** The last use that is known here, in ms since the epoch. */
  lastUse(): number;
}

/** The dependencies of the timer. */
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
    if (isDue()) return deps.onInactive();
    const due = deadline();
    if (due !== null) timer.set(due);
  });

  function touch(at: number): void {
    // A neighbour's clock is this machine's; a moment ahead of it is a mistake.
    last = Math.max(last, Math.min(at, Date.now()));
  }

  function isDue(): boolean {
    // A clock that was set back does not prolong the session.
    last = Math.min(last, Date.now());
    const due = deadline();
    if (due === null || due > Date.now()) return false;
    // A tab that was frozen has not heard of the others' uses yet.
    touch(deps.lastActivity() ?? 0);
    return last + (timeout ?? 0) <= Date.now();
  }

  return {
    deadline,
    touch,
    isDue,
    check: timer.check,
    lastUse: () => last,
    start(timeoutMs, from) {
      timeout = timeoutMs;
      last = Math.min(from, Date.now());
      timer.set(last + timeoutMs);
    },
    stop() {
      timeout = null;
      timer.clear();
    },
  };
}
