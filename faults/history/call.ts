/**
 * The request, the answer and the times of one call, on the one clock of the process that made all calls. Times are
 * milliseconds.
 */
export type Call = LoginCall | ValidateCall | RefreshCall | EndCall | EndUserCall;

interface Timed {
  /** Which replica was asked. */
  readonly replica: string;
  /** Before the first byte left. */
  readonly start: number;
  /** After the last byte came. */
  readonly end: number;
}

/** No answer that says anything: an outage was admitted, or the connection was lost. The call may have done its work. */
export interface Uncertain {
  readonly kind: "uncertain";
  readonly reason: string;
}

export interface Refused {
  readonly kind: "refused";
  /** A reason of the contract. */
  readonly reason: string;
  /** The cause that the service reports, where the reason alone does not name it. */
  readonly cause?: string | undefined;
  /** Why and when the session ended, where the answer says so. */
  readonly endReason?: string | undefined;
  readonly endedAt?: string | undefined;
}

export type Answer<Ok> = ({ readonly kind: "ok" } & Ok) | Refused | Uncertain;

/** The knowledge of a client about an access token: it expires in this interval of the calls' clock. */
export interface Expiry {
  readonly earliest: number;
  readonly latest: number;
}

export interface LoginCall extends Timed {
  readonly operation: "login";
  readonly user: string;
  readonly rightPassword: boolean;
  readonly answer: Answer<{
    readonly session: string;
    /** Stands for the refresh token of generation 1. */
    readonly successor: string;
    readonly expiry: Expiry;
    /** Sessions that the answer says were ended to make room. */
    readonly evicted: readonly string[];
  }>;
}

export interface ValidateCall extends Timed {
  readonly operation: "validate";
  readonly session: string;
  readonly expiry: Expiry;
  /** Whether being valid counts as a use of the session. */
  readonly use: boolean;
  readonly answer: Answer<object>;
}

export interface RefreshCall extends Timed {
  readonly operation: "refresh";
  readonly session: string;
  /** Of the refresh token presented; the login's is 1. */
  readonly generation: number;
  readonly answer: Answer<{
    /** The session that the answer names. */
    readonly named: string;
    /** Stands for the refresh token of generation + 1. */
    readonly successor: string;
    readonly expiry: Expiry;
  }>;
}

/** Logout or a revocation of one session. */
export interface EndCall extends Timed {
  readonly operation: "end";
  readonly session: string;
  readonly answer: Answer<{ readonly revision: bigint }>;
}

/** A revocation of all sessions of a user. */
export interface EndUserCall extends Timed {
  readonly operation: "end_user";
  readonly user: string;
  /** Whether the user cannot sign in any more from then on: deactivated or deleted. */
  readonly forGood: boolean;
  readonly answer: Answer<{ readonly revision: bigint }>;
}
