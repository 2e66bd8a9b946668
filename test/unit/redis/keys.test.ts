import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { sessionKey, shardOf, tombstoneKey } from "../../../src/redis/keys.js";

const SHARDS = 16;
const ID = "0193f0a0-7c3a-7b21-8a44-5d9be3a1c07f";

test("ended sessions are the keys that operators look for", () => {
  expect(tombstoneKey(11, ID)).toBe(`access_token_blacklist:{b}:${ID}`);
  expect(sessionKey(11, ID)).toBe(`curfew:session:{b}:${ID}`);
});

test("all keys of a shard have one hash tag, those of another shard another", () => {
  const tagOf = (key: string) => /\{([^}]+)\}/.exec(key)?.[1];
  const tags = new Set<string | undefined>();
  for (let shard = 0; shard < SHARDS; shard++) {
    expect(tagOf(sessionKey(shard, ID))).toBe(tagOf(tombstoneKey(shard, "other")));
    tags.add(tagOf(sessionKey(shard, ID)));
  }
  expect(tags.size).toBe(SHARDS);
});

test("a session is always in the same shard, and sessions are spread over all", () => {
  expect(shardOf(ID, 1)).toBe(0);
  expect(shardOf(ID, SHARDS)).toBe(0xe3a1c07f % SHARDS);
  const counts = new Array<number>(SHARDS).fill(0);
  for (let i = 0; i < 16_000; i++) {
    const shard = shardOf(randomUUID(), SHARDS);
    counts[shard] = (counts[shard] ?? 0) + 1;
  }
  for (const count of counts) expect(count).toBeGreaterThan(700);
});

test.each(["", "x", "no hex at all", "🐎", `${ID}z`])(
  "what is no UUID has a shard too: %j",
  (id) => {
    const shard = shardOf(id, SHARDS);
    expect(shard).toBe(shardOf(id, SHARDS));
    expect(shard).toBeGreaterThanOrEqual(0);
    expect(shard).toBeLessThan(SHARDS);
  },
);
