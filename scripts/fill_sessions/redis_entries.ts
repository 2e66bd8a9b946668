import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import { writeEntry } from "../../src/redis/entries.js";
import { sessionKey } from "../../src/redis/keys.js";

const STEP = 100_000;
/** Thirty minutes, and two minutes of spread as sessions in use have it. */
const LIFE_MS = 1_800_000;

/**
 * Fills a Redis of its own with live entries like those of the population.
 * Resolves to what one takes in bytes: of the whole server, so with its tables.
 */
export const entryBytes = async (redis: Redis, entries: number): Promise<number> => {
  const at = Date.now();
  const sessionId = randomUUID();
  const entry = writeEntry(
    {
      sessionId,
      userId: randomUUID(),
      username: "fill1234567",
      roles: [],
      expiresAt: at + 6 * 86_400_000,
      lastActivityAt: at,
    },
    "1",
  );
  const [, prefix = ""] = /^(.*:).{36}$/.exec(sessionKey(0, sessionId)) ?? [];
  await redis.flushall();
  const before = await usedMemory(redis);
  for (let start = 0; start < entries; start += STEP)
    await redis.eval(FILL, 0, prefix, entry, LIFE_MS, start, Math.min(entries, start + STEP) - 1);
  return ((await usedMemory(redis)) - before) / entries;
};

const usedMemory = async (redis: Redis): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);

/** Keys as long as those of UUIDs, counted through; the rest of the id is the same, which costs the same. */
const FILL = `
  for n = ARGV[4], ARGV[5] do
    local id = string.format('%08x-0000-7000-8000-%012x', n, n)
    redis.call('SET', ARGV[1] .. id, ARGV[2], 'PX', ARGV[3] + n % 120000)
  end`;
