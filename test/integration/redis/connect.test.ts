import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { createCertificateAuthority } from "../../support/certificates.js";
import { startRedis } from "../../support/redis.js";
import { startRedisCluster } from "../../support/redis_cluster.js";
import { redisCommand } from "../../support/redis_command.js";
import { startRedisSentinel } from "../../support/redis_sentinel.js";
import { lifeOf, openHotStore } from "./hot_store_probe.js";

const WHOLE_LIFE = ["unknown", "live", "ended"];

const lifeAt = async (url: string): Promise<string[]> => {
  const store = openHotStore(url);
  try {
    return await lifeOf(store);
  } finally {
    await store.close();
  }
};

test("a server alone, and a numbered database of it", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  expect(await lifeAt(redis.url)).toEqual(WHOLE_LIFE);
  expect(await lifeAt(`${redis.url}/3`)).toEqual(WHOLE_LIFE);
  const keyspace = String(await redisCommand(redis.url, "INFO", "keyspace"));
  expect(keyspace).toMatch(/^db0:/m);
  expect(keyspace).toMatch(/^db3:/m);
});

test("a password, and a user with one, whatever characters they hold", async () => {
  const password = "p@ss:w/rd?#%é";
  const redis = await startRedis({ password });
  onTestFinished(() => redis.stop());
  expect(await lifeAt(redis.url)).toEqual(WHOLE_LIFE);
  const rights = ["on", ">sécret/1", "~*", "+@all"];
  await redisCommand(redis.url, "ACL", "SETUSER", "curfew@app", ...rights);
  const url = `redis://curfew%40app:${encodeURIComponent("sécret/1")}@127.0.0.1:${redis.port}`;
  expect(await lifeAt(url)).toEqual(WHOLE_LIFE);
});

test("TLS, with the certificate checked", async () => {
  const authority = await createCertificateAuthority();
  const redis = await startRedis({
    tls: { caFile: authority.caFile, ...(await authority.issueServer()) },
  });
  onTestFinished(() => redis.stop());
  const probe = fileURLToPath(new URL("tls_probe.ts", import.meta.url));
  const run = (trusted: Record<string, string>, waitMs: number) =>
    promisify(execFile)(process.execPath, ["--import", "tsx", probe, redis.url, `${waitMs}`], {
      env: { ...process.env, NODE_OPTIONS: "", ...trusted },
    });
  const { stdout } = await run({ NODE_EXTRA_CA_CERTS: authority.caFile }, 10_000);
  expect(JSON.parse(stdout)).toEqual(WHOLE_LIFE);
  await expect(run({}, 500)).rejects.toThrow(/Timed out waiting until the servers answer/);
});

test("behind Sentinel", async () => {
  const redis = await startRedisSentinel();
  onTestFinished(() => redis.stop());
  expect(await lifeAt(redis.url)).toEqual(WHOLE_LIFE);
});

test("behind a Sentinel that has a password of its own, whatever characters it holds", async () => {
  const redis = await startRedisSentinel({ password: "s&n=t@n/l?%+é" });
  onTestFinished(() => redis.stop());
  expect(await lifeAt(redis.url)).toEqual(WHOLE_LIFE);
  await redis.failOver();
  expect(await lifeAt(redis.url)).toEqual(WHOLE_LIFE);
  await expect(lifeAt(redis.url.replace(/\?.*/, ""))).rejects.toThrow("the servers answer");
});

test("a cluster, of which any one node is named", async () => {
  const cluster = await startRedisCluster();
  onTestFinished(() => cluster.stop());
  for (let i = 0; i < 5; i++) expect(await lifeAt(cluster.url)).toEqual(WHOLE_LIFE);
  const last = cluster.nodes.at(-1);
  expect(await lifeAt(`redis+cluster://${last?.host}:${last?.port}`)).toEqual(WHOLE_LIFE);
});
