import { createDeadlineTimer } from "./deadline_timer.js";
import { NetworkError } from "./network_error.js";
import { LONGEST_BACKOFF, retryDelay } from "./retry_delay.js";
import type { StoredSession } from "./stored_session.js";

const SECOND = 1000;
const LONGEST_MARGIN = 60 * SECOND;
/** A token that lives shorter is given near the session's maximum: another one will not be better. */
const SHORT_LIFE = 5;

/** When to refresh, in ms since the epoch: a minute ahead of expiry, or a fifth of a short life. */
export function refreshMoment(expiresAt: number, expiresIn: number): number {
  return expiresAt - Math.min(LONGEST_MARGIN, expiresIn * SECOND * 0.2);
}

/** Refreshes ahead of expiry, and tries again when the server could not be asked. */
export interface RefreshSchedule {
  plan(stored: Pick<StoredSession, "expiresAt" | "expiresIn">): void;
  /** Plans another attempt, if one can help, after a failed refresh of any origin. */
  failed(error: unknown): void;
  stop(): void;
  /** Makes up for a late timer, and for an attempt without an answer: the network may be back. */
  hurry(): void;
  /** Whether the last refresh gave a token of so short a life that another one now is no use. */
  isFutile(): boolean;
}

/** Makes an empty schedule. A `refresh` that fails is reported to `failed`. */
export function createRefreshSchedule(refresh: () => void): RefreshSchedule {
  let failures = 0;
  let lastFailure: unknown;
  // Tokens of a short life in a row, and when the last of them came.
  let shortLives = 0;
  let plannedAt = 0;
  const timer = createDeadlineTimer(refresh);

  function failed(error: unknown): void {
    lastFailure = error;
    const delay = retryDelay(error, failures);
    if (delay === null) return;
    failures += 1;
    timer.set(Date.now() + delay);
  }
  function stop() {
    failures = 0;
    timer.clear();
  }
  /** How long the next refresh has to wait whatever the token's life, in ms. */
  const floor = () => (shortLives < 2 ? 0 : Math.min(LONGEST_BACKOFF, SECOND * 2 ** shortLives));
  return {
    failed,
    stop,
    plan({ expiresAt, expiresIn }) {
      stop();
      if (expiresAt === null) return;
      plannedAt = Date.now();
      shortLives = (expiresIn ?? 0) < SHORT_LIFE ? shortLives + 1 : 0;
      timer.set(Math.max(refreshMoment(expiresAt, expiresIn ?? 0), plannedAt + floor()));
    },
    hurry() {
      if (failures > 0 && lastFailure instanceof NetworkError) timer.set(Date.now());
      else timer.check();
    },
    isFutile() {
      // A clock that was set back does not prolong it.
      const age = Date.now() - plannedAt;
      return age >= 0 && age < floor();
    },
  };
}
