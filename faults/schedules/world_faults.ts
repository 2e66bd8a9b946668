import { setTimeout as wait } from "node:timers/promises";
import { loseMemory, MEMORY_LOSSES, putBack, rememberAll } from "../world/memory_loss.js";
import type { World } from "../world/world.js";
import type { Fault } from "./stage.js";

const nothing = async () => undefined;

/** The faults of a world: all but those of the replicas' own processes. */
export const worldFaults = (world: World): readonly Fault[] => {
  const { redis, postgresLink, redisLinks, random } = world;
  const ofLink = (name: string, breakIt: () => void, mend: () => void): Fault => ({
    name,
    async begin() {
      breakIt();
      return async () => mend();
    },
  });
  const one = () => random.pick(redisLinks);
  const cutAll = () => {
    for (const link of redisLinks) link.cut();
  };
  const restoreRedis = () => {
    for (const link of redisLinks) link.restore();
  };
  const restorePostgres = () => postgresLink.restore();
  return [
    ...MEMORY_LOSSES.map(
      (loss): Fault => ({
        name: `Redis forgets ${loss}`,
        // A server that another fault has stopped has nothing to forget, or forgets it later.
        begin: () =>
          loseMemory(redis.url, loss, random)
            .catch(() => undefined)
            .then(() => nothing),
      }),
    ),
    ofLink("one replica cut off from Redis", () => one().cut(), restoreRedis),
    ofLink(
      "Redis hangs for one replica",
      () => one().hang(random.pick(["requests", "answers", "both"])),
      restoreRedis,
    ),
    ofLink("Redis slow for one replica", () => one().delay(random.below(80)), restoreRedis),
    ofLink("all cut off from Redis", cutAll, restoreRedis),
    ofLink(
      "Redis stopped (SIGSTOP)",
      () => redis.pause(),
      () => redis.resume(),
    ),
    ofLink("Postgres cut off", () => postgresLink.cut(), restorePostgres),
    ofLink(
      "Postgres hangs",
      () => postgresLink.hang(random.pick(["requests", "answers", "both"])),
      restorePostgres,
    ),
    ofLink("Postgres slow", () => postgresLink.delay(random.below(100)), restorePostgres),
    ofLink(
      "callers leave before their answers",
      () => world.callers.leaveWithin(40),
      () => world.callers.leaveWithin(0),
    ),
    {
      name: "Postgres stalls again and again, for less time than a statement may take",
      async begin() {
        let isOver = false;
        const stalling = (async () => {
          while (!isOver) {
            postgresLink.hang(random.pick(["requests", "answers", "both"]));
            await wait(random.below(400));
            postgresLink.restore();
            await wait(random.below(100));
          }
        })();
        return () => {
          isOver = true;
          return stalling;
        };
      },
    },
    {
      name: "Postgres backends terminated",
      begin: () => world.terminateBackends().then(() => nothing),
    },
    {
      name: "Redis killed",
      async begin() {
        await redis.stop("SIGKILL");
        return () => redis.restart();
      },
    },
    {
      name: "Redis fails over and loses acknowledged writes",
      async begin() {
        redis.resume();
        const memory = await rememberAll(redis.url).catch(() => undefined);
        return async () => {
          await redis.restart();
          if (memory) await putBack(redis.url, memory);
        };
      },
    },
  ];
};
