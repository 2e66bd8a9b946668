/** What Postgres holds when all calls are over and all faults mended. */
export interface Aftermath {
  readonly sessions: ReadonlyMap<string, SessionRecord>;
  /** By user id: sessions on record that have not ended. */
  readonly openSessions: ReadonlyMap<string, readonly string[]>;
  /** Writes of activity, where they were watched. */
  readonly activity?: {
    /** How often each session was written as used. */
    readonly bySession: ReadonlyMap<string, number>;
    /** How often activity was flushed, by all replicas together. */
    readonly flushes: number;
  };
}

export interface SessionRecord {
  readonly userId: string;
  readonly generation: number;
  readonly endReason: string | undefined;
  /** Events on record of this session. */
  readonly events: {
    readonly ended: number;
    /** Exchanges of a refresh token for the first time. */
    readonly rotated: number;
    readonly reused: number;
    /** Those of them that ended the session. */
    readonly reuseEnded: number;
  };
}
