import type { SessionGuard } from "./session_guard.js";
import type { ValidSession } from "./valid_session.js";
import type { ValidatorError } from "./validator_error.js";

/** Options of one check. */
export interface ValidateOptions {
  /** The check must know every revocation up to this revision, which a revoking operation returned. */
  readonly minRevision?: bigint;
  /** Ask Curfew, whatever is known here: true at this moment, and with the newest name and roles. */
  readonly fresh?: boolean;
  /** Do not count this as a use of the session. Calls Curfew, also in local mode. */
  readonly skipActivity?: boolean;
  /** Gives up waiting; the check rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** The current state of a validator, for health checks and metrics. */
export interface ValidatorState {
  readonly mode: "remote" | "local";
  /** Whether a replica of Curfew is connected. */
  readonly isConnected: boolean;
  /** The feed of revocations: `off` until it is needed; `silent`: nothing heard for `maxStaleness`. */
  readonly feed: "off" | "connecting" | "live" | "silent";
  /** The greatest possible age of the knowledge of revocations, in milliseconds; Infinity: there is none. */
  readonly stalenessMs: number;
  /** Every revocation up to here is known. */
  readonly revision: bigint;
  /** Whether signatures can be checked here. */
  readonly hasKeys: boolean;
  /** Sessions known to be live. */
  readonly sessions: number;
  /** Ended sessions that are remembered. */
  readonly endedSessions: number;
}

/** Validates access tokens and returns the users and sessions that they belong to. */
export interface Validator {
  /**
   * Resolves to the session of a good token.
   *
   * @throws ValidatorError with the reason (contract, section 2). An error with `isOutage` says nothing about the
   * token: answer 503, and log no user out.
   */
  validate(token: string, options?: ValidateOptions): Promise<ValidSession>;
  /**
   * The same at once, where local mode knows it; undefined: ask `validate`.
   *
   * @throws ValidatorError for a session that is known to have ended
   */
  validateNow(token: string): ValidSession | undefined;
  /**
   * Calls back once when the session ends, also when it has ended already.
   * Returns what stops it. Follows the feed of revocations in both modes.
   */
  watch(sessionId: string, onEnded: (error: ValidatorError) => void): () => void;
  /** `watch` for an open stream of a checked token: also ends the stream when the session becomes idle. */
  guard(
    token: string,
    session: ValidSession,
    onEnded: (error: ValidatorError) => void,
  ): SessionGuard;
  /**
   * Resolves when checks can be answered: Curfew is reached and takes the
   * credential, and in local mode the keys and the feed are there.
   *
   * @throws Error that names the missing condition and its cause, after `timeoutMs` (10 000), or at once when Curfew
   * refuses the credential, or its issuer or audience differs from the options
   */
  ready(options?: { readonly timeoutMs?: number }): Promise<void>;
  readonly state: ValidatorState;
  /** Reports the last activity and closes all connections. */
  close(): Promise<void>;
}
