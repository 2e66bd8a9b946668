import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type CoreReplica,
  makeUser,
  outcomeOf,
  signIn,
  signOut,
  verdictOf,
} from "../../support/core_replica.js";
import { type RedisServer, startRedis } from "../../support/redis.js";
import { redisCommand } from "../../support/redis_command.js";
import { waitUntil } from "../../support/wait_until.js";
import { setUpTwoReplicas } from "./two_replicas.js";

const ENDED = "ACCESS_TOKEN_BLACKLISTED";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis({ args: ["--enable-debug-command", "yes"] });
});
afterAll(() => redis?.stop());

const replicationId = async (): Promise<string> =>
  /master_replid:(\w+)/.exec(String(await redisCommand(redis.url, "INFO", "replication")))?.[1] ??
  "";

/** Restores the memory of the last SAVE; the server, its connections and its ids stay. */
const rollBack = () => redisCommand(redis.url, "DEBUG", "RELOAD", "NOSAVE");

describe("L3 a Redis that is set back to a snapshot of its memory, under the same replication id", () => {
  const replicas = setUpTwoReplicas({}, { redisUrl: async () => redis.url });
  const verdicts = (token: string) =>
    Promise.all([replicas.a, replicas.b].map((replica) => verdictOf(replica, token)));
  const trustIsBack = () =>
    waitUntil("both trust Redis", () =>
      [replicas.a, replicas.b].every(({ core }) => core.cacheLease.lease() !== undefined),
    );
  const known = async (replica: CoreReplica) => {
    const { username } = await makeUser(replica);
    const { tokens } = await signIn(replica, username);
    for (let asked = 0; asked < 2; asked++)
      expect(await verdicts(tokens.accessToken)).toEqual(["valid", "valid"]);
    return tokens.accessToken;
  };
  /** Both have looked at the servers since. */
  const beat = () =>
    Promise.all([replicas.a, replicas.b].map(({ core }) => core.cacheLease.heartbeat()));

  test("L1 gives no ended session back, from the first question on", async () => {
    const { a, b } = replicas;
    const before = await replicationId();
    for (let round = 0; round < 3; round++) {
      await trustIsBack();
      const [ended, live] = [await known(a), await known(b)];
      await redisCommand(redis.url, "SAVE");
      expect(await outcomeOf(signOut(round % 2 === 0 ? a : b, ended))).toBe("OK");
      await beat();
      await rollBack();
      expect(await verdicts(ended)).toEqual([ENDED, ENDED]);
      expect(await verdicts(live)).toEqual(["valid", "valid"]);
      await trustIsBack();
      expect(await verdicts(ended)).toEqual([ENDED, ENDED]);
      expect(await verdicts(live)).toEqual(["valid", "valid"]);
    }
    expect(await replicationId()).toBe(before);
  });

  test("L1 nor to a replica that starts when it has happened", async () => {
    const { a } = replicas;
    await trustIsBack();
    const ended = await known(a);
    await redisCommand(redis.url, "SAVE");
    expect(await outcomeOf(signOut(a, ended))).toBe("OK");
    await beat();
    await rollBack();
    await beat();
    const late = await replicas.start();
    expect(await verdictOf(late, ended)).toBe(ENDED);
  });
});
