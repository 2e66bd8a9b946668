import { expect, onTestFinished, test } from "vitest";
import type { RevocationSignal } from "../../../src/core/ports/revocation_signal.js";
import { openRedis } from "../../../src/redis/client.js";
import { redisRevocationSignal } from "../../../src/redis/revocation_signal.js";
import { startRedis } from "../../support/redis.js";
import { startRedisCluster } from "../../support/redis_cluster.js";
import { redisCommand } from "../../support/redis_command.js";
import { startRedisSentinel } from "../../support/redis_sentinel.js";
import { waitUntil } from "../../support/wait_until.js";

/** The signal of one replica, which counts how often it was woken. */
const openSignal = (url: string): RevocationSignal & { wakes(): number } => {
  const { client } = openRedis({ url, commandTimeoutMs: 1000 });
  const signal = redisRevocationSignal(client);
  let wakes = 0;
  signal.onRevocation(() => {
    wakes += 1;
  });
  onTestFinished(async () => {
    await signal.close();
    client.disconnect();
  });
  return { ...signal, wakes: () => wakes };
};

/** Resolves when what one announces wakes the other. */
const expectHeard = async (
  one: ReturnType<typeof openSignal>,
  other: ReturnType<typeof openSignal>,
) => {
  const before = other.wakes();
  await waitUntil("the other replica hears of it", () => {
    one.announce();
    return other.wakes() > before;
  });
};

test("a revocation is announced to the other replicas, and in the process at once", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const [one, other] = [openSignal(redis.url), openSignal(redis.url)];
  one.announce();
  expect(one.wakes()).toBe(1);
  await expectHeard(one, other);
  await expectHeard(other, one);
});

test("many revocations at once share few messages", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const [one, other] = [openSignal(redis.url), openSignal(redis.url)];
  await expectHeard(one, other);
  const before = other.wakes();
  for (let revocations = 0; revocations < 1000; revocations++) one.announce();
  await waitUntil("it is heard", () => other.wakes() > before);
  await redisCommand(redis.url, "PING");
  expect(other.wakes() - before).toBeLessThan(5);
});

test("announcements work again after Redis was gone, and fail nobody meanwhile", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const [one, other] = [openSignal(redis.url), openSignal(redis.url)];
  await expectHeard(one, other);
  await redis.stop("SIGKILL");
  const before = one.wakes();
  one.announce();
  expect(one.wakes()).toBe(before + 1);
  await redis.restart();
  await expectHeard(one, other);
});

test("who may not listen does not ask again and again", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  await redisCommand(redis.url, "ACL", "SETUSER", "deaf", "on", ">secret", "~*", "+@all");
  const deaf = openSignal(`redis://deaf:secret@127.0.0.1:${redis.port}`);
  /** Each entry begins with how often it happened. */
  const denials = async () => {
    const log = (await redisCommand(redis.url, "ACL", "LOG")) as [string, number][];
    return log.reduce((sum, [, count]) => sum + count, 0);
  };
  await waitUntil("it was refused", async () => (await denials()) > 0);
  const listening = openSignal(redis.url);
  const speaking = openSignal(redis.url);
  for (let rounds = 0; rounds < 20; rounds++) await expectHeard(speaking, listening);
  expect(await denials()).toBe(1);
  deaf.announce();
  expect(deaf.wakes()).toBe(1);
});

test("in a cluster, and behind Sentinel", async () => {
  const cluster = await startRedisCluster();
  onTestFinished(() => cluster.stop());
  await expectHeard(openSignal(cluster.url), openSignal(cluster.url));
  const sentinel = await startRedisSentinel();
  onTestFinished(() => sentinel.stop());
  await expectHeard(openSignal(sentinel.url), openSignal(sentinel.url));
});
