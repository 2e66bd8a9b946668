import { NetworkError } from "./network_error.js";
import type { SessionError } from "./session_error.js";

const SECOND = 1000;
/** The longest pause between attempts, apart from pauses that the server requests, in ms. */
export const LONGEST_BACKOFF = 60 * SECOND;

/**
 * Milliseconds until the next attempt after `failures` failed ones before this;
 * null where another attempt cannot help.
 */
export function retryDelay(error: unknown, failures: number): number | null {
  const { isTransient, retryAfter } = error as Partial<SessionError>;
  if (!isTransient && !(error instanceof NetworkError)) return null;
  // The first is well within the server's grace time: a lost answer may have held new tokens.
  const backoff = Math.min(LONGEST_BACKOFF, SECOND * 2 ** failures);
  // Spread out, so that the end of an outage is not a stampede.
  return (retryAfter ?? 0) * SECOND + backoff * (0.5 + Math.random() / 2);
}
