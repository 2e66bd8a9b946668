import type { Verdict } from "./local/ended_verdict.js";
import { lastingVerdict } from "./local/ended_verdict.js";
import type { ValidSession } from "./valid_session.js";
import type { ValidatorError } from "./validator_error.js";

/** Looks after something that outlives the check it was let in with: a stream, a WebSocket. */
export interface SessionGuard {
  /** The session was used: call it for messages that a person caused. */
  touch(): void;
  /** No need any more. */
  release(): void;
}

export interface SessionGuardOptions {
  readonly session: ValidSession;
  /** Called once, when the session has ended. */
  readonly onEnded: (error: ValidatorError) => void;
  readonly watch: (sessionId: string, onEnded: (verdict: Verdict) => void) => () => void;
  readonly touch: () => void;
  /** The latest that Curfew's clock can show at this moment. */
  readonly latest: () => number;
  /** Asks Curfew whether the session is still live. Does not count as a use. */
  readonly ask: () => Promise<ValidSession>;
}

const SHORTEST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 3_600_000;
const OUTAGE_WAIT_MS = 1000;

/**
 * Revocations come from the feed. A session becomes idle, or reaches its maximum age, before any component records it,
 * so the guard asks Curfew when that may have happened. An outage ends no session. An expired token says nothing about
 * its session: then only the feed reports its revocation.
 */
export const guardSession = (options: SessionGuardOptions): SessionGuard => {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;

  const release = (): void => {
    isOver = true;
    clearTimeout(timer);
    unwatch();
  };

  const end = (verdict: Verdict): void => {
    if (isOver) return;
    release();
    options.onEnded(verdict());
  };

  const untilIdle = ({ idleExpiresAt }: ValidSession): number =>
    idleExpiresAt.getTime() - options.latest();

  const lookAfter = (ms: number): void => {
    if (isOver) return;
    const wait = Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, ms));
    timer = setTimeout(look, wait).unref();
  };

  const look = async (): Promise<void> => {
    try {
      lookAfter(untilIdle(await options.ask()));
    } catch (error) {
      const verdict = lastingVerdict(error);
      if (verdict !== undefined) end(verdict);
      else if ((error as ValidatorError).isOutage)
        lookAfter(OUTAGE_WAIT_MS * (1 + Math.random() / 2));
    }
  };

  const unwatch = options.watch(options.session.sessionId, end);
  lookAfter(untilIdle(options.session));
  return { touch: options.touch, release };
};
