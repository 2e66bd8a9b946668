/** The caller who asked to make a session, and the idempotency key of the request. */
export interface RequestKey {
  /** The caller, as `by` of its revocations. */
  readonly caller: string;
  readonly key: string;
}

/** The request that was made under a key. */
export interface KeptRequest {
  /** One text for the same request. */
  readonly fingerprint: string;
  /** The session that was made; undefined: none yet. */
  readonly made: MadeSession | undefined;
}

export interface MadeSession {
  readonly sessionId: string;
  readonly userId: string;
  /** The sessions that ended to make room. */
  readonly endedIds: readonly string[];
}

/** The part of a transaction that remembers requests, so that a repeated one makes no second session. */
export interface SessionRequests {
  /**
   * Locks a key until commit, and waits for others who do so. Resolves to what was
   * asked under it before, or to the given request if that was nothing, or is
   * past its time.
   */
  claimRequest(
    key: RequestKey,
    fingerprint: string,
    times: { readonly now: number; readonly expiresAt: number },
  ): Promise<KeptRequest>;
  /** Notes the session that a claimed request made. */
  keepRequest(key: RequestKey, made: MadeSession): Promise<void>;
}
