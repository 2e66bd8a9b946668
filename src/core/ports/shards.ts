/** How sessions are spread over servers, each of which is trusted, lost and told by itself. */
export interface Shards {
  readonly count: number;
  /** The shard of a session: always the same one. */
  of(sessionId: string): number;
}
