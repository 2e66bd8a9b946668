import { Redis } from "ioredis";
import type { Random } from "../random.js";

/** A server that is frozen is given up after this long, in milliseconds. */
const PATIENCE_MS = 30_000;

/** Runs `work` with a connection of its own to the server itself, past all links. Rejects if it is down. */
export const withRedis = async <T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> => {
  const redis = new Redis(url, { retryStrategy: () => null, commandTimeout: PATIENCE_MS });
  // What fails for it rejects the command too.
  redis.on("error", () => undefined);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
};

/** Ways in which Redis loses data without a notification. */
export const MEMORY_LOSSES = ["tombstones", "entries", "half", "everything"] as const;
export type MemoryLoss = (typeof MEMORY_LOSSES)[number];

export const loseMemory = (url: string, loss: MemoryLoss, random: Random): Promise<unknown> =>
  withRedis(url, async (redis) => {
    if (loss === "everything") return redis.flushall();
    const isLost = (key: string): boolean => {
      if (loss === "half") return random.chance(0.5);
      return key.startsWith("access_token_blacklist:") === (loss === "tombstones");
    };
    const lost = (await redis.keys("*")).filter(isLost);
    return lost.length > 0 ? redis.del(lost) : 0;
  });

/** What Redis holds, to put it back later, as a promoted replica that had missed everything since would have it. */
export const rememberAll = (url: string): Promise<ReadonlyMap<string, string>> =>
  withRedis(url, async (redis) => {
    const memory = new Map<string, string>();
    for (const key of await redis.keys("*")) {
      const value = await redis.get(key);
      if (value !== null) memory.set(key, value);
    }
    return memory;
  });

export const putBack = (url: string, memory: ReadonlyMap<string, string>): Promise<unknown> =>
  withRedis(url, (redis) =>
    Promise.all([...memory].map(([key, value]) => redis.set(key, value, "PX", 600_000))),
  );
