import { sourceOf } from "../caller/source.js";
import { type CurfewError, fail } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import { createRateLimit } from "../rate_limit.js";
import { twoGenerationCache } from "../two_generation_cache.js";

/** Refreshes of one session: far more than its tabs and their retries make, and few for Postgres. */
const OF_A_SESSION = { burst: 300, perSecond: 10, maxKeys: 20_000 };
/** Bad tokens of one source. */
const OF_A_SOURCE = { burst: 200, perSecond: 5, maxKeys: 10_000 };
/** Ended sessions that are remembered, and for how many milliseconds. */
const MAX_ENDED = 20_000;
const ENDED_MS = 60_000;

interface Ended {
  readonly failure: CurfewError;
  readonly until: number;
}

/**
 * Bounds the work that refresh tokens can cause, before any query to Postgres (D8, D10). Good tokens count for their
 * session alone: however many users share an address, and whatever a stranger sends from it, a user's own token is
 * exchanged. Bad tokens count for their source. Each replica counts separately.
 */
export interface RefreshThrottle {
  /**
   * Lets a genuine token of a session through.
   *
   * @throws CurfewError the final failure of a session that is known to have
   *   ended, or TOO_MANY_ATTEMPTS
   */
  admit(sessionId: string, ip: string): void;
  /** Counts a token that is not ours. @returns the failure to answer with */
  refuse(ip: string): CurfewError;
  /** Remembers the failure with which a session's refresh tokens are refused from now on. */
  noteEnded(sessionId: string, failure: CurfewError): void;
}

const tooMany = (limit: string, waitMs: number): CurfewError =>
  fail("TOO_MANY_ATTEMPTS", {
    metadata: { refused_by: "budget", limit },
    retryAfterMs: Math.ceil(waitMs),
  });

export const createRefreshThrottle = ({ monotonic }: Pick<Clock, "monotonic">): RefreshThrottle => {
  const sessions = createRateLimit({ ...OF_A_SESSION, monotonic });
  const sources = createRateLimit({ ...OF_A_SOURCE, monotonic });
  const ended = twoGenerationCache<string, Ended>(MAX_ENDED);

  const countBad = (ip: string): CurfewError | undefined => {
    const waitMs = sources.take(sourceOf(ip));
    return waitMs > 0 ? tooMany("bad_refresh_tokens_per_source", waitMs) : undefined;
  };

  return {
    admit(sessionId, ip) {
      const known = ended.get(sessionId);
      // The first answer is not counted: an honest client has to hear once that its session is over.
      if (known !== undefined && monotonic() < known.until) throw countBad(ip) ?? known.failure;
      const waitMs = sessions.take(sessionId);
      if (waitMs > 0) throw tooMany("refreshes_per_session", waitMs);
    },
    refuse: (ip) => countBad(ip) ?? fail("REFRESH_TOKEN_INVALID"),
    noteEnded(sessionId, failure) {
      ended.set(sessionId, { failure, until: monotonic() + ENDED_MS });
    },
  };
};
