import type { NetworkError } from "./network_error.js";
import type { SessionError } from "./session_error.js";

/** What became of a logout. This browser has forgotten the session in any case. */
export interface LogoutResult {
  /** Whether the server said that the session is over. If not, it may live until it is idle. */
  readonly isConfirmed: boolean;
  /** Why it is not confirmed; null when it is. */
  readonly error: SessionError | NetworkError | null;
  /**
   * Whether the logout is kept and tried again: when the network is back, and at the next load. The `delivered` event
   * reports its result.
   */
  readonly willRetry?: true;
}
