import { createDeadlineTimer } from "./deadline_timer.js";
import { NetworkError } from "./network_error.js";
import { SessionError } from "./session_error.js";
import type { StoredSession } from "./stored_session.js";

const SECOND = 1000;
const LONGEST_MARGIN = 60 * SECOND;
const LONGEST_BACKOFF = 60 * SECOND;

/** When to refresh, in ms since the epoch: a minute ahead of expiry, or a fifth of a short life. */
export function refreshMoment(expiresAt: number, expiresIn: number): number {
  return expiresAt - Math.min(LONGEST_MARGIN, expiresIn * SECOND * 0.2);
}

/** Refreshes ahead of expiry, and tries again when the server could not be asked. */
export interface RefreshSchedule {
  plan(stored: StoredSession): void;
  stop(): void;
  /** Tries at once if an attempt has failed: the network is back. */
  hurry(): void;
}

function retryDelay(error: unknown, failures: number): number | null {
  const isTransient =
    error instanceof NetworkError || (error instanceof SessionError && error.isTransient);
  if (!isTransient) return null;
  const asked = error instanceof SessionError ? (error.retryAfter ?? 0) * SECOND : 0;
  const backoff = Math.min(LONGEST_BACKOFF, SECOND * 2 ** failures);
  // Spread out, so that the end of an outage is not a stampede.
  return asked + backoff * (0.5 + Math.random() / 2);
}

/** Makes an empty schedule. `refresh` rejects when it fails. */
export function createRefreshSchedule(refresh: () => Promise<void>): RefreshSchedule {
  let failures = 0;
  const timer = createDeadlineTimer(() => {
    refresh().catch((error: unknown) => {
      const delay = retryDelay(error, failures);
      if (delay === null) return;
      failures += 1;
      timer.set(Date.now() + delay);
    });
  });
  function stop() {
    failures = 0;
    timer.clear();
  }
  return {
    stop,
    plan({ expiresAt, expiresIn }) {
      stop();
      if (expiresAt === null) return;
      timer.set(refreshMoment(expiresAt, expiresIn ?? 0));
    },
    hurry() {
      if (failures > 0) timer.set(Date.now());
    },
  };
}
