import { loseMemory } from "../world/memory_loss.js";
import { anyReplica, askEverybody, endAtLast, knownSessions, type Scenario } from "./scenario.js";

const IDLE_MS = 60_000;

/** Sessions in use live, and those not in use end, whichever replica saw the use. */
export const idleness: Scenario = {
  name: "activity and idleness",
  world: { settings: { idleTimeoutMs: IDLE_MS } },
  async run(world) {
    const used = await knownSessions(world, 3);
    const unused = await knownSessions(world, 2);
    for (let turn = 0; turn < 4; turn++) {
      await world.advance(IDLE_MS * 0.6);
      await Promise.all(used.map((session) => world.client.validate(anyReplica(world), session)));
      if (turn === 1) {
        await world.advance(0);
        await loseMemory(world.redis.url, "everything", world.random);
      }
    }
    await askEverybody(world, [...used, ...unused]);
    await world.advance(IDLE_MS + 1500);
    await askEverybody(world, [...used, ...unused]);
    await loseMemory(world.redis.url, "everything", world.random);
    await askEverybody(world, [...used, ...unused]);
  },
};

/** Replicas whose wall clocks are twenty minutes apart, with tokens that live for five. */
export const skewedClocks: Scenario = {
  name: "clocks ten minutes off",
  world: {
    wallSkewsMs: [600_000, -600_000],
    settings: { accessTtlMs: 300_000, idleTimeoutMs: 240_000 },
  },
  async run(world) {
    const sessions = await knownSessions(world, 4);
    await askEverybody(world, sessions);
    for (const session of sessions) {
      for (const replica of world.replicas) await world.client.refresh(replica, session);
      await askEverybody(world, [session]);
    }
    await world.advance(200_000);
    await askEverybody(world, sessions);
    await Promise.all(sessions.slice(0, 2).map((session) => endAtLast(world, session)));
    await askEverybody(world, sessions);
  },
};
