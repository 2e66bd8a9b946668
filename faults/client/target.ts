/** One replica as its callers see it, in this process or over gRPC. Calls reject with TargetFailure. */
export interface Target {
  readonly name: string;
  /** @param from the caller's address, where a target can say one; absent: that of the harness */
  login(username: string, password: string, from?: string): Promise<GivenLogin>;
  /** Resolves if the token is good. */
  validate(accessToken: string, use: boolean): Promise<void>;
  refresh(refreshToken: string): Promise<GivenTokens>;
  /** Resolve to the revision. */
  logout(accessToken: string): Promise<bigint>;
  revoke(sessionId: string): Promise<bigint>;
  revokeUser(userId: string): Promise<bigint>;
  deactivate(userId: string): Promise<bigint>;
}

export interface GivenTokens {
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Whole seconds until the access token expires, rounded down. */
  readonly expiresIn: number;
}

export interface GivenLogin extends GivenTokens {
  readonly evicted: readonly string[];
}

/** A call that failed for a reason of the contract, or `NO_ANSWER`. */
export class TargetFailure extends Error {
  override readonly name = "TargetFailure";
  constructor(
    readonly reason: string,
    readonly metadata: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(reason, options);
  }
}
