import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { CurfewError } from "../../../src/core/errors.js";
import type { HotStore } from "../../../src/core/ports/hot_store.js";
import { startRedis } from "../../support/redis.js";
import { startRedisCluster } from "../../support/redis_cluster.js";
import { redisCommand } from "../../support/redis_command.js";
import { startRedisSentinel } from "../../support/redis_sentinel.js";
import { waitUntil } from "../../support/wait_until.js";
import {
  answers,
  ask,
  cacheLease,
  lifeOf,
  openHotStore,
  remember,
  revocation,
} from "./hot_store_probe.js";

const COMMAND_TIMEOUT_MS = 200;
/** The additional time that a busy machine may need, in milliseconds. */
const SLACK = 2500;

const stores: HotStore[] = [];
const open = (url: string, commandTimeoutMs = COMMAND_TIMEOUT_MS): HotStore => {
  const store = openHotStore(url, commandTimeoutMs);
  stores.push(store);
  return store;
};
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

/** Milliseconds until it failed as an outage does. */
const timeToOutage = async (work: Promise<unknown>): Promise<number> => {
  const start = performance.now();
  const failure = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(CurfewError);
  expect((failure as CurfewError).reason).toBe("DEPENDENCY_UNAVAILABLE");
  return performance.now() - start;
};

describe("a server that does not answer", () => {
  test("hung: every method fails in time, and works again once it answers", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop("SIGKILL"));
    const store = open(redis.url);
    const lease = await cacheLease(store);
    const [known, ended] = [randomUUID(), randomUUID()];
    await remember(store, known, lease);
    redis.pause();
    const waits = await Promise.all([
      timeToOutage(ask(store, known, lease)),
      timeToOutage(store.identify()),
      timeToOutage(store.invalidate([revocation(ended)])),
      timeToOutage(remember(store, ended, lease)),
    ]);
    expect(Math.max(...waits)).toBeLessThan(2 * COMMAND_TIMEOUT_MS + SLACK);
    redis.resume();
    await waitUntil("it answers", () => answers(store));
    // Redis may have executed the command that it received while it hung: the revocation is sent again.
    expect((await ask(store, known, lease)).kind).toBe("live");
    await store.invalidate([revocation(ended)]);
    expect((await ask(store, ended, lease)).kind).toBe("ended");
  });

  test("a process that was too busy to read an answer in time has got it in time", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop("SIGKILL"));
    const store = open(redis.url, COMMAND_TIMEOUT_MS);
    const lease = await cacheLease(store);
    const known = randomUUID();
    await remember(store, known, lease);
    const answer = ask(store, known, lease);
    // The question has left when the next turn begins; the answer comes during a long one.
    await new Promise((resolve) => setImmediate(resolve));
    const until = performance.now() + 3 * COMMAND_TIMEOUT_MS;
    while (performance.now() < until);
    expect((await answer).kind).toBe("live");
  });

  test("hung: thousands of questions all fail in time, and none waits for another's turn", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop("SIGKILL"));
    const store = open(redis.url, 1000);
    const lease = await cacheLease(store);
    redis.pause();
    // Several calls of a thousand each: one after the other they would take five seconds.
    const start = performance.now();
    const asks = Array.from({ length: 5000 }, () => ask(store, randomUUID(), lease));
    const outcomes = await Promise.allSettled(asks);
    expect(performance.now() - start).toBeLessThan(1000 + SLACK);
    expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
  });

  test("killed: every method fails at once, and the next server is another", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop("SIGKILL"));
    const store = open(redis.url);
    const lease = await cacheLease(store);
    let disturbances = 0;
    store.onDisturbance(() => {
      disturbances += 1;
    });
    const known = randomUUID();
    await remember(store, known, lease);
    await redis.stop("SIGKILL");
    await waitUntil("the loss is told", () => disturbances > 0);
    const waits = await Promise.all([
      timeToOutage(ask(store, known, lease)),
      timeToOutage(store.identify()),
      timeToOutage(store.invalidate([revocation(known)])),
    ]);
    expect(Math.max(...waits)).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK);
    await redis.restart();
    const back = performance.now();
    const renewed = await cacheLease(store);
    expect(performance.now() - back).toBeLessThan(2000);
    expect(renewed.serverIds).not.toEqual(lease.serverIds);
    expect(await ask(store, known, lease)).toMatchObject({ kind: "unknown", fillToken: undefined });
  });

  test("never there, or with another password: fails at once, and ends no process", async () => {
    const redis = await startRedis({ password: "right" });
    onTestFinished(() => redis.stop());
    for (const url of ["redis://127.0.0.1:1", redis.url.replace("right", "wrong")])
      expect(await timeToOutage(open(url).identify())).toBeLessThan(SLACK);
  });
});

describe("a server that is not to be trusted", () => {
  test("L3: a replica is asked for nothing and told nothing", async () => {
    const redis = await startRedisSentinel();
    onTestFinished(() => redis.stop());
    const [master, replica] = [open(redis.first.url), open(redis.second.url)];
    const lease = await cacheLease(master);
    const id = randomUUID();
    expect(await remember(master, id, lease)).toBe(true);
    await waitUntil("the replica has heard of it", async () => {
      const found = await redisCommand(redis.second.url, "KEYS", `curfew:session:*${id}`);
      return Array.isArray(found) && found.length === 1;
    });
    expect((await ask(replica, id, lease)).kind).toBe("unknown");
    await timeToOutage(replica.identify());
    await timeToOutage(replica.invalidate([revocation(id)]));
  });

  test("L3: after a failover that lost what was told, entries of before do not count", async () => {
    const redis = await startRedisSentinel();
    onTestFinished(() => redis.stop());
    const store = open(redis.url);
    const lease = await cacheLease(store);
    const id = randomUUID();
    await remember(store, id, lease);
    await redisCommand(redis.first.url, "WAIT", "1", "1000");
    await redis.stopReplication();
    await store.invalidate([revocation(id)]);
    expect((await ask(store, id, lease)).kind).toBe("ended");
    await redis.failOver();
    const renewed = await cacheLease(store, "2");
    expect(renewed.serverIds).not.toEqual(lease.serverIds);
    for (const under of [lease, renewed])
      expect((await ask(store, id, under)).kind, JSON.stringify(under)).toBe("unknown");
    expect(await lifeOf(store)).toEqual(["unknown", "live", "ended"]);
  });

  test("one that was emptied has forgotten revocations, and gives no old answer", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const store = open(redis.url);
    const lease = await cacheLease(store);
    const id = randomUUID();
    const before = await ask(store, id, lease);
    const fillToken = before.kind === "unknown" ? before.fillToken : undefined;
    await store.invalidate([revocation(id)]);
    await redisCommand(redis.url, "FLUSHALL");
    const now = Date.now();
    const entry = { sessionId: id, userId: "u", username: "u", roles: [], lastActivityAt: now };
    await store.fill({ ...entry, expiresAt: now + 1000 }, fillToken ?? "", lease);
    expect((await ask(store, id, lease)).kind).toBe("unknown");
  });
});

describe("a server that is full", () => {
  test("still says what it knows and takes revocations; only no new session is remembered", async () => {
    const redis = await startRedis({ args: ["--maxmemory-policy", "noeviction"] });
    onTestFinished(() => redis.stop());
    const store = open(redis.url);
    const lease = await cacheLease(store);
    const [known, ended] = [randomUUID(), randomUUID()];
    expect(await remember(store, known, lease)).toBe(true);
    expect(await remember(store, ended, lease)).toBe(true);
    await redisCommand(redis.url, "CONFIG", "SET", "maxmemory", "1");

    expect((await ask(store, known, lease)).kind).toBe("live");
    expect(await remember(store, randomUUID(), lease)).toBe(false);
    expect(await store.invalidate([revocation(ended)])).toEqual([
      { shard: 0, serverId: lease.serverIds[0] },
    ]);
    expect((await ask(store, ended, lease)).kind).toBe("ended");
  });
});

describe("a cluster", () => {
  test("of which one node hangs: its sessions fail in time, those of the others are answered", async () => {
    const cluster = await startRedisCluster();
    onTestFinished(() => cluster.stop());
    const store = open(cluster.url);
    const lease = await cacheLease(store);
    const ids = Array.from({ length: 60 }, () => randomUUID());
    for (const id of ids) expect(await remember(store, id, lease)).toBe(true);
    const [node] = cluster.nodes;
    node?.pause();
    const start = performance.now();
    const outcomes = await Promise.allSettled(ids.map((id) => ask(store, id, lease)));
    expect(performance.now() - start).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK);
    const live = outcomes.filter((o) => o.status === "fulfilled" && o.value.kind === "live");
    const failed = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(live.length).toBeGreaterThan(0);
    expect(failed.length).toBeGreaterThan(0);
    expect(live.length + failed.length).toBe(ids.length);
    const seen = await store.identify();
    const lost = seen.filter((id) => id === "");
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.length).toBeLessThan(seen.length);
    const told = await store.invalidate(ids.map((id) => revocation(id)));
    for (const { shard, serverId } of told) expect(serverId).toBe(seen[shard]);
    node?.resume();
    await cacheLease(store);
  });

  test("of which one node restarts: that one is another, the rest are the same", async () => {
    const cluster = await startRedisCluster();
    onTestFinished(() => cluster.stop());
    const store = open(cluster.url);
    const before = await cacheLease(store);
    expect(new Set(before.serverIds).size).toBe(cluster.nodes.length);
    await cluster.nodes[0]?.restart();
    const after = await cacheLease(store);
    const changed = after.serverIds.filter((serverId, i) => serverId !== before.serverIds[i]);
    expect(new Set(changed).size).toBe(1);
    expect(changed.length).toBeLessThan(after.serverIds.length);
  });
});
