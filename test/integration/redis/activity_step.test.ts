import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RedisServer, startRedis } from "../../support/redis.js";
import { ask, cacheLease, openHotStore, remember } from "./hot_store_probe.js";

const STEP_MS = 1000;

let server: RedisServer;
let plain: Redis;

beforeAll(async () => {
  server = await startRedis();
  plain = new Redis(server.url);
});
afterAll(async () => {
  plain.disconnect();
  await server.stop();
});

test("uses that follow one another closely are all answered, and one a step is written", async () => {
  const store = openHotStore(server.url);
  try {
    const lease = await cacheLease(store);
    const id = randomUUID();
    const start = Date.now();
    await remember(store, id, lease);
    const heldUse = async (): Promise<number> => {
      const answer = await ask(store, id, lease);
      return answer.kind === "live" ? answer.entry.lastActivityAt : 0;
    };
    const filled = await heldUse();
    const [key] = await plain.keys(`curfew:session:*${id}`);
    const written: number[] = [];
    for (let use = filled + 100; use <= filled + 5 * STEP_MS; use += 100) {
      const answer = await store.check({ sessionId: id, now: start, touchAt: use }, lease);
      expect(answer).toMatchObject({ kind: "live", entry: { lastActivityAt: use } });
      const held = await heldUse();
      expect(use - held).toBeLessThanOrEqual(STEP_MS);
      expect(String(await plain.get(key ?? ""))).toContain(`;${held};`);
      written.push(held);
    }
    expect(new Set(written).size).toBe(5);
    // No later call moves it back.
    await store.check({ sessionId: id, now: start, touchAt: filled }, lease);
    expect(await heldUse()).toBe(written.at(-1));
  } finally {
    await store.close();
  }
});
