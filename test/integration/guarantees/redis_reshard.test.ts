import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { heartbeatKey, shardOf } from "../../../src/redis/keys.js";
import {
  type CoreReplica,
  makeUser,
  outcomeOf,
  signIn,
  signOut,
  verdictOf,
} from "../../support/core_replica.js";
import { type RedisCluster, startRedisCluster } from "../../support/redis_cluster.js";
import { waitUntil } from "../../support/wait_until.js";
import { setUpTwoReplicas } from "./two_replicas.js";

const SHARDS = 16;
const USERS = 60;
const SESSIONS_OF_USER = 5;
/** Logouts of the moving shard at each stage, and of others beside. */
const AT_A_STAGE = 4;

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster?.stop());

interface Held {
  readonly id: string;
  readonly token: string;
}

const openSessions = async (replica: CoreReplica): Promise<Held[]> => {
  const held: Held[] = [];
  for (let users = 0; users < USERS; users++) {
    const { username } = await makeUser(replica);
    for (let logins = 0; logins < SESSIONS_OF_USER; logins++) {
      const { session, tokens } = await signIn(replica, username);
      held.push({ id: session.id, token: tokens.accessToken });
    }
  }
  return held;
};

describe("a Redis Cluster whose slots move", () => {
  // A busy machine is no lost server.
  const replicas = setUpTwoReplicas(
    { redisTimeoutMs: 5000 },
    { redisUrl: async () => cluster.url },
  );

  test("L1 L4 logouts are OK and in force, validations right, and the other shards stay trusted", async () => {
    const { a, b } = replicas;
    const both = [a, b];
    const held = await openSessions(a);
    const ask = async (some: readonly Held[]) =>
      Promise.all(both.flatMap((replica) => some.map(({ token }) => verdictOf(replica, token))));
    expect(new Set(await ask(held))).toEqual(new Set(["valid"]));

    const bySize = Array.from({ length: SHARDS }, (_, shard) =>
      held.filter(({ id }) => shardOf(id, SHARDS) === shard),
    );
    const moving = bySize.reduce((most, shard) => (shard.length > most.length ? shard : most));
    const shard = bySize.indexOf(moving);
    const others = held.filter((one) => !moving.includes(one));
    const ended: Held[] = [];

    // Meanwhile every replica validates every token: no verdict may change, and no replica may lose the leases of the
    // other shards.
    const wrong: string[] = [];
    let lost = 0;
    let over = false;
    const load = both.map(async (replica) => {
      while (!over) {
        const known = new Set(ended);
        for (const one of [...moving, ...others.slice(0, 30)]) {
          const verdict = await verdictOf(replica, one.token);
          const isEnded = verdict === "ACCESS_TOKEN_BLACKLISTED";
          if (verdict !== "valid" && !isEnded) wrong.push(verdict);
          if (known.has(one) && !isEnded) wrong.push("valid after its end");
        }
        for (const { id } of others) if (replica.core.cacheLease.lease(id) === undefined) lost += 1;
        await wait(1);
      }
    });

    const endSome = async (tries = 1): Promise<void> => {
      const left = (some: readonly Held[]) => some.filter((one) => !ended.includes(one));
      const some = [...left(moving).slice(0, AT_A_STAGE), ...left(others).slice(0, AT_A_STAGE)];
      for (const [i, one] of some.entries()) {
        const replica = i % 2 === 0 ? a : b;
        let outcome = "";
        for (let tried = 0; tried < tries && outcome !== "OK"; tried++)
          outcome = await outcomeOf(signOut(replica, one.token));
        expect(outcome).toBe("OK");
        ended.push(one);
        expect(await ask([one])).toEqual(both.map(() => "ACCESS_TOKEN_BLACKLISTED"));
      }
    };

    await endSome();
    const slot = await cluster.moveSlotOf(heartbeatKey(shard));
    await endSome();
    const entries = (await slot.keysLeft()).filter((key) => key !== heartbeatKey(shard));
    await slot.moveKeys(entries.slice(0, entries.length / 2));
    await endSome();
    // The shard is another now: both give up their leases of it, which takes a heartbeat.
    await slot.moveKeys([heartbeatKey(shard)]);
    await endSome(5);
    await slot.finish();
    await endSome(5);
    over = true;
    await Promise.all(load);

    expect(wrong).toEqual([]);
    expect(lost).toBe(0);
    const isEnded = new Set(ended);
    expect(await ask(ended)).toEqual([...ended, ...ended].map(() => "ACCESS_TOKEN_BLACKLISTED"));
    const live = held.filter((one) => !isEnded.has(one));
    expect(new Set(await ask(live))).toEqual(new Set(["valid"]));
    await waitUntil("the moved shard is trusted again", () =>
      both.every(({ core }) => core.cacheLease.lease(moving[0]?.id ?? "") !== undefined),
    );
    expect(new Set(await ask(live))).toEqual(new Set(["valid"]));
    expect(await ask(ended)).toEqual([...ended, ...ended].map(() => "ACCESS_TOKEN_BLACKLISTED"));
  }, 120_000);
});
