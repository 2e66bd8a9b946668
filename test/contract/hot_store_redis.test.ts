import { afterAll, beforeAll } from "vitest";
import { openRedis, type RedisClient } from "../../src/redis/client.js";
import { redisHotStore } from "../../src/redis/hot_store.js";
import { type RedisServer, startRedis } from "../support/redis.js";
import { type RedisCluster, startRedisCluster } from "../support/redis_cluster.js";
import { waitUntil } from "../support/wait_until.js";
import { describeHotStore } from "./hot_store.contract.js";
import type { HotStoreOptions, HotStoreUnderTest } from "./hot_store_under_test.js";

// A command of thousands of sessions may take its time on a busy machine.
const COMMAND_TIMEOUT_MS = 5000;

let alone: RedisServer | undefined;
let cluster: RedisCluster | undefined;

beforeAll(async () => {
  [alone, cluster] = await Promise.all([startRedis(), startRedisCluster()]);
});
afterAll(async () => {
  await Promise.all([alone?.stop(), cluster?.stop()]);
});

const openStore = async (
  url: string,
  { idleTimeoutMs }: HotStoreOptions,
  servers: readonly RedisServer[],
): Promise<HotStoreUnderTest> => {
  const redis = openRedis({ url, commandTimeoutMs: COMMAND_TIMEOUT_MS });
  const { client, shards } = redis;
  const store = redisHotStore({ ...redis, idleTimeoutMs, activityStepMs: 0, now: Date.now });
  const identified = () =>
    store.identify().then(
      (ids) => ids.every((id) => id !== ""),
      () => false,
    );
  await waitUntil("the servers answer", identified);
  return {
    store,
    evict: (sessionId) => forget(client, sessionId, shards),
    ...(servers.length === 1 && {
      async reset() {
        await Promise.all(servers.map((server) => server.restart()));
        await waitUntil("the servers answer", identified);
      },
    }),
    close: () => store.close(),
  };
};

const forget = async (client: RedisClient, sessionId: string, shards: number): Promise<void> => {
  for (let shard = 0; shard < shards; shard++)
    for (const prefix of ["curfew:session", "access_token_blacklist"])
      await client.del(`${prefix}:{${shard.toString(36)}}:${sessionId}`);
};

describeHotStore("Redis", (options) => {
  if (alone === undefined) throw new Error("Redis is started in beforeAll.");
  return openStore(alone.url, options, [alone]);
});

describeHotStore("Redis Cluster", (options) => {
  if (cluster === undefined) throw new Error("The cluster is started in beforeAll.");
  return openStore(cluster.url, options, cluster.nodes);
});
