import { setInterval as turnsOf } from "node:timers/promises";
import { Redis } from "ioredis";

/** Does something to Redis again and again while `work` runs. Resolves to what `work` did. */
export const during = async <T>(
  everyMs: number,
  trouble: () => Promise<unknown>,
  work: () => Promise<T>,
): Promise<T> => {
  let over = false;
  const troubling = (async () => {
    for await (const _turn of turnsOf(everyMs)) {
      if (over) return;
      await trouble();
    }
  })();
  try {
    return await work();
  } finally {
    over = true;
    await troubling;
  }
};

/** Runs `work` with a connection to Redis of its own. */
export const withRedis = async <T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> => {
  const redis = new Redis(url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
};

/** Deletes a random half of all keys. */
export const loseHalf = async (redis: Redis): Promise<void> => {
  const keys = (await redis.keys("*")).filter(() => Math.random() < 0.5);
  if (keys.length > 0) await redis.del(keys);
};

/** Leaves Redis hardly more memory than it uses now, so that it evicts keys at random. */
export const evictAtRandom = async (redis: Redis): Promise<void> => {
  const used = /used_memory:(\d+)/.exec(await redis.info("memory"))?.[1];
  await redis.config("SET", "maxmemory-policy", "allkeys-random");
  await redis.config("SET", "maxmemory", Number(used) + 20_000);
};
