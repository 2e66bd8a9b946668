import { createHash } from "node:crypto";

/**
 * Every key Curfew has in Redis, and the only place where they are made. All
 * keys of one shard share a hash tag, so that one script call may use them
 * together in Redis Cluster.
 *
 * - `curfew:session:{<shard>}:<session id>`: a live session, or a fill token to fill it in.
 * - `access_token_blacklist:{<shard>}:<session id>`: how a session ended. Dies
 *   with the last access token it could kill.
 * - `curfew:heartbeat:{<shard>}`: when a replica last vouched for this memory. It
 *   stays, and moves with the slot when a cluster is resharded.
 */
export const sessionKey = (shard: number, sessionId: string): string =>
  `curfew:session:{${tag(shard)}}:${sessionId}`;

export const tombstoneKey = (shard: number, sessionId: string): string =>
  `access_token_blacklist:{${tag(shard)}}:${sessionId}`;

export const heartbeatKey = (shard: number): string => `curfew:heartbeat:{${tag(shard)}}`;

/** The pub/sub channel, no key, that replicas announce revocations on. The messages are empty. */
export const ENDINGS_CHANNEL = "curfew:endings";

const tag = (shard: number): string => shard.toString(36);

/** Which shard a session is in: always the same one, whatever the cluster looks like. */
export const shardOf = (sessionId: string, shards: number): number => {
  if (shards === 1) return 0;
  // The end of a UUIDv7 is random; other ids are made so.
  const tail = Number.parseInt(sessionId.slice(-8), 16);
  const spread = Number.isNaN(tail)
    ? createHash("sha256").update(sessionId).digest().readUInt32BE()
    : tail;
  return spread % shards;
};
