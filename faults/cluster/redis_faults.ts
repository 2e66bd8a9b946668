import { setTimeout as wait } from "node:timers/promises";
import { redisCommand } from "../../test/support/redis_command.js";
import type { ClusterFault, Trouble } from "./fault.js";

type Play = (trouble: Trouble) => Promise<unknown>;

/** Breaks Redis alone, and leaves it whole. */
const onRedis =
  (breakIt: Play): Play =>
  (trouble) =>
    trouble.cluster.redis.exclusively(async () => {
      await breakIt(trouble);
      await trouble.cluster.redis.mend();
    });

export const redisFaults: readonly ClusterFault[] = [
  {
    name: "Redis FLUSHALL",
    lastsMs: [0, 0],
    play: onRedis(async ({ cluster: { redis } }) =>
      redisCommand((await redis.master()).url, "FLUSHALL"),
    ),
  },
  {
    name: "Redis master killed (kill -9), failover",
    lastsMs: [0, 500],
    play: onRedis(async ({ cluster: { redis }, lastsMs }) => {
      const master = await redis.master();
      await master.stop("SIGKILL");
      await redis.failedOver(master);
      await wait(lastsMs);
    }),
  },
  {
    name: "Redis failover that loses acknowledged writes",
    // The Sentinel does not promote a replica that has been away for three seconds.
    lastsMs: [200, 1500],
    play: onRedis(async ({ cluster: { redis }, lastsMs }) => {
      const master = await redis.master();
      await redis.partition();
      await wait(lastsMs);
      await master.stop("SIGKILL");
      await redis.wakeReplica();
      await redis.failedOver(master);
    }),
  },
  {
    name: "Redis master frozen, failover, two masters for a while",
    lastsMs: [200, 3000],
    play: onRedis(async ({ cluster: { redis }, lastsMs }) => {
      const master = await redis.master();
      master.pause();
      await redis.failedOver(master);
      master.resume();
      await wait(lastsMs);
    }),
  },
  {
    name: "Redis failover on request",
    lastsMs: [0, 500],
    play: onRedis(async ({ cluster: { redis }, lastsMs }) => {
      const master = await redis.master();
      await redis.changePlaces();
      await redis.failedOver(master);
      await wait(lastsMs);
    }),
  },
  {
    name: "Redis killed (kill -9) and empty at once",
    lastsMs: [0, 100],
    play: onRedis(async ({ cluster: { redis }, lastsMs }) => {
      const master = await redis.master();
      await master.stop("SIGKILL");
      await wait(lastsMs);
      await master.restart();
    }),
  },
];
