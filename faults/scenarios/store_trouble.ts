import { loseMemory, putBack, rememberAll } from "../world/memory_loss.js";
import { askEverybody, endAtLast, insist, knownSessions, type Scenario } from "./scenario.js";

const SESSIONS = 3;

/** Redis is killed, sessions are ended, and it returns empty. */
export const redisDown: Scenario = {
  name: "Redis down",
  async run(world) {
    const [first, second] = [await knownSessions(world, SESSIONS), await knownSessions(world, 2)];
    await world.redis.stop("SIGKILL");
    await Promise.all(first.map((session) => endAtLast(world, session)));
    await askEverybody(world, [...first, ...second]);
    await world.redis.restart();
    await askEverybody(world, [...first, ...second]);
    await world.recovered();
    await askEverybody(world, [...first, ...second]);
  },
};

/** Postgres is cut off when Redis has just forgotten everything. */
export const postgresDown: Scenario = {
  name: "Postgres down",
  async run(world) {
    const [ended, live] = [await knownSessions(world, SESSIONS), await knownSessions(world, 3)];
    await Promise.all(ended.map((session) => endAtLast(world, session)));
    await loseMemory(world.redis.url, "everything", world.random);
    world.postgresLink.cut();
    await askEverybody(world, [...ended, ...live]);
    await Promise.all(
      live.map((session, i) =>
        world.client.logout(
          world.replicas[i % world.replicas.length] ?? first(world.replicas),
          session,
        ),
      ),
    );
    world.postgresLink.restore();
    await world.recovered();
    await askEverybody(world, [...ended, ...live]);
  },
};

const first = <T>([one]: readonly T[]): T => {
  if (one === undefined) throw new Error("there is none");
  return one;
};

/** One replica cannot reach Redis and ends sessions that the other holds in Redis. */
export const oneCutOff: Scenario = {
  name: "one replica cut off from Redis",
  async run(world) {
    const [link] = world.redisLinks;
    const ender = first(world.replicas);
    const sessions = await knownSessions(world, SESSIONS);
    link?.cut();
    for (const session of sessions) {
      await insist(() => world.client.logout(ender, session));
      await askEverybody(world, [session]);
    }
    link?.restore();
    await world.recovered();
    await askEverybody(world, sessions);
  },
};

/** No replica can reach Redis, which keeps running and comes back with its old content. */
export const allCutOff: Scenario = {
  name: "all replicas cut off from Redis",
  async run(world) {
    const sessions = await knownSessions(world, SESSIONS);
    for (const link of world.redisLinks) link.cut();
    await Promise.all(sessions.map((session) => endAtLast(world, session)));
    await askEverybody(world, sessions);
    for (const link of world.redisLinks) link.restore();
    for (let asked = 0; asked < 20; asked++) await askEverybody(world, sessions);
    await world.recovered();
    await askEverybody(world, sessions);
  },
};

/** A failover loses acknowledged writes: the revocations. */
export const rolledBack: Scenario = {
  name: "failover that loses writes",
  async run(world) {
    const [ended, live] = [await knownSessions(world, SESSIONS), await knownSessions(world, 2)];
    const memory = await rememberAll(world.redis.url);
    await Promise.all(ended.map((session) => endAtLast(world, session)));
    await world.redis.restart();
    await putBack(world.redis.url, memory);
    for (let asked = 0; asked < 10; asked++) await askEverybody(world, [...ended, ...live]);
    await world.recovered();
    await askEverybody(world, [...ended, ...live]);
    await putBack(world.redis.url, memory);
    await askEverybody(world, [...ended, ...live]);
  },
};

/** Redis is set back to an older state of its memory, under the same replication id. */
export const restoredSnapshot: Scenario = {
  name: "Redis restored from a snapshot of its memory",
  async run(world) {
    const [ended, live] = [await knownSessions(world, SESSIONS), await knownSessions(world, 2)];
    const memory = await rememberAll(world.redis.url);
    await Promise.all(ended.map((session) => endAtLast(world, session)));
    await loseMemory(world.redis.url, "everything", world.random);
    await putBack(world.redis.url, memory);
    for (let asked = 0; asked < 10; asked++) await askEverybody(world, [...ended, ...live]);
    await world.recovered();
    await askEverybody(world, [...ended, ...live]);
  },
};

/** Longer than a lease. */
const SUSPENDED_MS = 60_000;

/** A replica's machine is suspended while another, which cannot reach Redis, ends sessions. */
export const suspendedMachine: Scenario = {
  name: "a suspended machine",
  async run(world) {
    const sessions = await knownSessions(world, SESSIONS);
    const sleeper = first(world.replicas);
    const ender = world.replicas.at(-1) ?? sleeper;
    const resume = await world.suspend(0, SUSPENDED_MS);
    for (const link of world.redisLinks.slice(1)) link.cut();
    for (const session of sessions) await endAtLast(world, session, () => ender);
    resume();
    for (const session of sessions) await world.client.validate(sleeper, session);
    for (const link of world.redisLinks) link.restore();
    await world.recovered();
    await askEverybody(world, sessions);
  },
};
