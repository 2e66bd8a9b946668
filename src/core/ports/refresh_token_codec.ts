/** Which refresh a refresh token stands for. */
export interface RefreshTokenContent {
  /** UUID in lower case. */
  readonly sessionId: string;
  /** Whole number from 0 to 2^32 - 1. */
  readonly generation: number;
  /**
   * Names the key. A successor minted with the tag of its predecessor stays the
   * same token while keys rotate (R2). Without it, or when that key is gone,
   * the current key is used.
   */
  readonly keyTag?: string | undefined;
}

/** Writes and reads refresh tokens. Nothing is stored: a token is proved by its HMAC. */
export interface RefreshTokenCodec {
  /**
   * The token; the same one for the same key, session and generation, so that
   * a lost answer can be given again.
   *
   * Throws a RangeError for a session id or generation that no token can hold.
   */
  mint(content: RefreshTokenContent): string;
  /**
   * The content with its `keyTag`, or undefined for anything but a token minted
   * with one of our keys. For a key that is not known yet, the keys are read
   * again first; rejects with DEPENDENCY_UNAVAILABLE when that fails.
   * Synchronous for known keys.
   */
  parse(
    token: string,
  ): Required<RefreshTokenContent> | undefined | Promise<Required<RefreshTokenContent> | undefined>;
}
