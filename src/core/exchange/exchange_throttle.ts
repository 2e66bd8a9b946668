import { sourceOf } from "../caller/source.js";
import { type CurfewError, fail } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import { createRateLimit } from "../rate_limit.js";

/** Bad tokens of one source: each writes a security event. */
const OF_A_SOURCE = { burst: 50, perSecond: 1, maxKeys: 10_000 };

/**
 * Bounds the refused subject tokens of a source (D8, D10). Good tokens do not
 * count, and neither do outages and limits (O4). Each replica counts by itself.
 */
export interface ExchangeThrottle {
  /** Counts a refused token. Undefined: it may be answered; else the failure to answer instead. */
  count(ip: string): CurfewError | undefined;
}

export const createExchangeThrottle = ({
  monotonic,
}: Pick<Clock, "monotonic">): ExchangeThrottle => {
  const sources = createRateLimit({ ...OF_A_SOURCE, monotonic });
  return {
    count(ip) {
      const waitMs = sources.take(sourceOf(ip));
      if (waitMs <= 0) return undefined;
      return fail("TOO_MANY_ATTEMPTS", {
        metadata: { refused_by: "budget", limit: "bad_subject_tokens_per_source" },
        retryAfterMs: Math.ceil(waitMs),
      });
    },
  };
};
