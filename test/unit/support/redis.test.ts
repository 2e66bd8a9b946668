import { readFile } from "node:fs/promises";
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { createCertificateAuthority } from "../../support/certificates.js";
import {
  type RedisServer,
  redisUrlForFile,
  type RedisOptions as StartOptions,
  startRedis,
} from "../../support/redis.js";
import { startRedisCluster } from "../../support/redis_cluster.js";
import { redisCommand } from "../../support/redis_command.js";
import { startRedisSentinel } from "../../support/redis_sentinel.js";

async function start(options?: StartOptions): Promise<RedisServer> {
  const server = await startRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

function connect(url: string, options: Pick<RedisOptions, "tls" | "commandTimeout">): Redis {
  const client = new Redis(url, {
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    ...options,
  });
  client.on("error", () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

describe("startRedis", () => {
  test("restart keeps the port and forgets the data", async () => {
    const server = await start();
    await redisCommand(server.url, "SET", "key", "value");

    await server.restart();

    expect(await redisCommand(server.url, "GET", "key")).toBeNull();
  });

  test("a stopped server refuses connections", async () => {
    const server = await start();

    await server.stop("SIGKILL");

    await expect(redisCommand(server.url, "PING")).rejects.toThrow();
  });

  test("a paused server keeps its connections and answers after resume", async () => {
    const server = await start();
    const client = connect(server.url, { commandTimeout: 500 });
    await client.ping();

    server.pause();
    await expect(client.set("key", "value")).rejects.toThrow("Command timed out");
    expect(client.status).toBe("ready");
    server.resume();

    expect(await redisCommand(server.url, "GET", "key")).toBe("value");
  });

  test("a paused server can be stopped", async () => {
    const server = await start();
    server.pause();

    await server.stop();

    await expect(redisCommand(server.url, "PING")).rejects.toThrow();
  });

  test("takes settings and a password, which the URL holds", async () => {
    const server = await start({ args: ["--maxmemory", "3mb"], password: "open sesame/1" });

    expect(await redisCommand(server.url, "CONFIG", "GET", "maxmemory")).toEqual([
      "maxmemory",
      "3145728",
    ]);
    const withoutPassword = `redis://${server.host}:${server.port}`;
    await expect(redisCommand(withoutPassword, "PING")).rejects.toThrow("NOAUTH");
  });

  test("says what the server said when it does not start", async () => {
    await expect(startRedis({ args: ["--no-such-setting", "1"] })).rejects.toThrow(
      /ended before it was ready[\s\S]*no-such-setting/,
    );
  });

  test("speaks TLS only to clients with a certificate of the authority", async () => {
    const authority = await createCertificateAuthority();
    const server = await start({
      tls: {
        caFile: authority.caFile,
        ...(await authority.issueServer()),
        requireClientCertificate: true,
      },
    });
    const client = await authority.issueClient("billing");
    const tls = {
      ca: await readFile(authority.caFile),
      cert: await readFile(client.certificateFile),
      key: await readFile(client.keyFile),
    };

    expect(await connect(server.url, { tls }).ping()).toBe("PONG");
    await expect(connect(server.url, { tls: { ca: tls.ca } }).ping()).rejects.toThrow();
  });
});

describe("redisUrlForFile", () => {
  test("is one empty server for the whole file", async () => {
    const url = await redisUrlForFile();

    expect(await redisCommand(url, "DBSIZE")).toBe(0);
    await redisCommand(url, "SET", "key", "value");
    expect(await redisUrlForFile()).toBe(url);
    expect(await redisCommand(url, "GET", "key")).toBe("value");
  });
});

test("a sentinel promotes the replica, and writes the replica never saw are lost", async () => {
  const redis = await startRedisSentinel();
  onTestFinished(() => redis.stop());
  await redisCommand(redis.first.url, "SET", "seen", "1");
  await redisCommand(redis.first.url, "WAIT", "1", "1000");
  await redis.stopReplication();
  await redisCommand(redis.first.url, "SET", "lost", "1");

  await redis.failOver();

  expect(await redisCommand(redis.second.url, "EXISTS", "seen", "lost")).toBe(1);
});

test("a cluster serves every slot", async () => {
  const cluster = await startRedisCluster();
  const client = new Cluster(cluster.nodes.map(({ host, port }) => ({ host, port })));
  onTestFinished(async () => {
    client.disconnect();
    await cluster.stop();
  });

  const keys = Array.from({ length: 50 }, (_, index) => `key ${index}`);
  await Promise.all(keys.map((key) => client.set(key, key)));

  expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
  const sizes = await Promise.all(cluster.nodes.map((node) => redisCommand(node.url, "DBSIZE")));
  expect(sizes.every((size) => Number(size) > 0)).toBe(true);
});
