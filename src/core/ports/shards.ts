/** Maps sessions to servers. Each server has its own cache lease, is lost and is invalidated independently. */
export interface Shards {
  readonly count: number;
  /** The shard of a session: always the same one. */
  of(sessionId: string): number;
}
