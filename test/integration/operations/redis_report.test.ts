import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { startRedis } from "../../support/redis.js";
import { redisCommand } from "../../support/redis_command.js";
import { waitUntil } from "../../support/wait_until.js";
import { openSite, type ServedReplica, type Site } from "./site.js";

let site: Site;
beforeAll(async () => {
  site = await openSite();
}, 120_000);
afterAll(() => site?.stop());

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly hot_store?: string;
}

/** Everything that a process has written, errors included: D6, each line is a JSON object. */
const linesOf = ({ process }: ServedReplica): Line[] =>
  process
    .output()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
const matching = (replica: ServedReplica, sign: RegExp): Line[] =>
  linesOf(replica).filter(({ msg }) => sign.test(msg));
const TROUBLE = /^Redis cannot be used/;
const BACK = /^Redis can be used again/;

test("a Redis that is not there is told of once, loudly, before the service is ready", async () => {
  const replica = await site.serve({ REDIS_URL: "redis://127.0.0.1:1" });
  await waitUntil("it is ready", () => matching(replica, /^curfew is ready$/).length > 0);
  expect(matching(replica, TROUBLE)).toMatchObject([{ level: "error" }]);
  const lines = linesOf(replica).map(({ msg }) => msg);
  const ready = lines.indexOf("curfew is ready");
  expect(lines.findIndex((msg) => TROUBLE.test(msg))).toBeLessThan(ready);
  expect(linesOf(replica)[ready]?.hot_store).toMatch(/^none: it cannot be reached/);
}, 60_000);

test("a wrong password, and a user without the right to INFO, are named; and when it is well again", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop("SIGKILL"));
  const user = (...rights: string[]) =>
    redisCommand(redis.url, "ACL", "SETUSER", "curfew", "on", ">secret", ...rights);
  const url = (password: string) => `redis://curfew:${password}@127.0.0.1:${redis.port}`;
  await user("~*", "&*", "+@all", "-info");

  const refused = await site.serve({ REDIS_URL: url("wrong") });
  await waitUntil("it is told", () => matching(refused, TROUBLE).length > 0);
  expect(matching(refused, TROUBLE)[0]?.msg).toMatch(/refuses the user or the password/);

  const unprivileged = await site.serve({ REDIS_URL: url("secret") });
  await waitUntil("it is told", () => matching(unprivileged, TROUBLE).length > 0);
  expect(matching(unprivileged, TROUBLE)[0]?.msg).toMatch(/lacks a right; it needs .*\+info/);
  await user("+info");
  await waitUntil("it is well", () => matching(unprivileged, BACK).length > 0);
  // Permissions may also be removed later, after the start.
  await user("-info");
  await waitUntil("it is told again", () => matching(unprivileged, TROUBLE).length === 2);
  expect(matching(unprivileged, BACK)).toHaveLength(1);
  for (const replica of [refused, unprivileged])
    expect(replica.process.output()).not.toMatch(/secret|wrong"/);
}, 120_000);

test("the rights that are named are enough", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop("SIGKILL"));
  const { REDIS_RIGHTS } = await import("../../../src/redis/failure_advice.js");
  await redisCommand(redis.url, "ACL", "SETUSER", "curfew", "on", ">s", ...REDIS_RIGHTS.split(" "));
  const replica = await site.serve({ REDIS_URL: `redis://curfew:s@127.0.0.1:${redis.port}` });
  const ready = linesOf(replica).find(({ msg }) => msg === "curfew is ready");
  expect(ready?.hot_store).toBe("redis");
  await waitUntil("it has a lease", async () => {
    const rows = await site.query(
      "SELECT 1 FROM replicas WHERE trusts_until > now() AND cardinality(server_ids) = 1",
    );
    return rows.length > 0;
  });
  expect(matching(replica, TROUBLE)).toEqual([]);
}, 60_000);
