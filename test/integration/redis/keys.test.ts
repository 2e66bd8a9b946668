import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { HotStore, Lease } from "../../../src/core/ports/hot_store.js";
import { redisUrlForFile } from "../../support/redis.js";
import { redisCommand } from "../../support/redis_command.js";
import { waitUntil } from "../../support/wait_until.js";
import {
  ask,
  cacheLease,
  HOUR,
  IDLE_TIMEOUT_MS,
  openHotStore,
  remember,
  revocation,
} from "./hot_store_probe.js";

let url: string;
let store: HotStore;
let lease: Lease;

beforeAll(async () => {
  url = await redisUrlForFile();
  store = openHotStore(url);
  lease = await cacheLease(store);
});
beforeEach(async () => {
  await redisCommand(url, "FLUSHDB");
});
afterAll(() => store.close());

const keys = async (pattern: string) => (await redisCommand(url, "KEYS", pattern)) as string[];
const lifeOf = async (pattern: string): Promise<number> => {
  const [key] = await keys(pattern);
  return Number(await redisCommand(url, "PTTL", key ?? ""));
};

test("ended sessions are `access_token_blacklist:*`, and nothing else is", async () => {
  const ids = Array.from({ length: 20 }, () => randomUUID());
  for (const id of ids) await remember(store, id, lease);
  expect(await keys("access_token_blacklist:*")).toEqual([]);
  expect(await keys("curfew:session:*")).toHaveLength(20);
  await store.invalidate(ids.slice(0, 5).map((id) => revocation(id)));
  const blacklist = await keys("access_token_blacklist:*");
  expect(blacklist.map((key) => key.slice(key.lastIndexOf(":") + 1)).sort()).toEqual(
    ids.slice(0, 5).sort(),
  );
  expect(await keys("*")).toHaveLength(20);
});

test("a tombstone dies with the last access token it could kill", async () => {
  await store.invalidate([revocation(randomUUID(), Date.now() + HOUR)]);
  const life = await lifeOf("access_token_blacklist:*");
  expect(life).toBeGreaterThan(HOUR - 60_000);
  expect(life).toBeLessThanOrEqual(HOUR);

  const id = randomUUID();
  await store.invalidate([revocation(id, Date.now() + 200)]);
  expect((await ask(store, id, lease)).kind).toBe("ended");
  await waitUntil("the tombstone is gone", async () => {
    const found = await keys(`access_token_blacklist:*${id}`);
    return found.length === 0;
  });
  expect((await ask(store, id, lease)).kind).toBe("unknown");
});

test("no access token left, no tombstone", async () => {
  await store.invalidate([revocation(randomUUID(), Date.now() - 1)]);
  expect(await keys("*")).toEqual([]);
});

test("a live session is remembered as long as it may be idle, a fill token for seconds", async () => {
  const id = randomUUID();
  await ask(store, id, lease);
  expect(await lifeOf("curfew:session:*")).toBeLessThanOrEqual(5000);
  await remember(store, id, lease);
  const life = await lifeOf("curfew:session:*");
  expect(life).toBeGreaterThan(IDLE_TIMEOUT_MS - 60_000);
  expect(life).toBeLessThanOrEqual(IDLE_TIMEOUT_MS);
});
