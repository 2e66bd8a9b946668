/** One exchange of a subject token for a session. */
export interface SubjectTokenUse {
  /** Stands for the token, as `SubjectToken` has it. */
  readonly fingerprint: string;
  readonly sessionId: string;
  /** Until when the use has to be remembered, in milliseconds since the epoch. */
  readonly acceptedUntil: number;
}

/** The part of a transaction that lets a subject token be used once (I2). */
export interface UsedSubjectTokens {
  /** The session that the token was exchanged for; undefined: it was not used yet. */
  sessionOfSubjectToken(fingerprint: string): Promise<string | undefined>;
  /**
   * Notes the use of a token, and waits for other transactions that note the
   * same. Resolves to false when the token was used for another session than
   * `instead`, which this one replaces.
   */
  markTokenUsed(use: SubjectTokenUse, instead: string | undefined): Promise<boolean>;
}
