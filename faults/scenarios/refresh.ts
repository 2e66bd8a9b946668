import type { KnownSession } from "../client/recording_client.js";
import { loseMemory } from "../world/memory_loss.js";
import type { World } from "../world/world.js";
import { anyReplica, askEverybody, endAtLast, knownSession, type Scenario } from "./scenario.js";

const SESSIONS = 6;
const GENERATIONS = 4;

const refreshOf = (world: World, session: KnownSession) => (back: number) =>
  world.client.refresh(anyReplica(world), session, back);

/** Several clients hold the same refresh tokens and use them at once, old ones among them. */
const raceExchanges = async (world: World): Promise<void> => {
  const session = await knownSession(world);
  const refresh = refreshOf(world, session);
  for (let generation = 0; generation < GENERATIONS; generation++)
    await Promise.all([refresh(0), refresh(0), refresh(0), refresh(1), refresh(1)]);
  await askEverybody(world, [session]);
};

/** Repeated within grace, and once more after it: grace does not restart. */
const repeatAfterGrace = async (world: World): Promise<void> => {
  const session = await knownSession(world);
  const presented = session.refreshTokens.length;
  const refresh = () =>
    world.client.refresh(anyReplica(world), session, session.refreshTokens.length - presented);
  await refresh();
  await world.advance(world.rules.graceMs * 0.6);
  await refresh();
  await world.advance(world.rules.graceMs * 0.6);
  await refresh();
  await loseMemory(world.redis.url, "everything", world.random);
  await askEverybody(world, [session]);
  await refresh();
  await refreshOf(world, session)(0);
};

/** A late duplicate of an honest client, and then a copy that is far too old. */
const lateAndOld = async (world: World): Promise<void> => {
  const session = await knownSession(world);
  const refresh = refreshOf(world, session);
  await refresh(0);
  await refresh(0);
  await refresh(2);
  await askEverybody(world, [session]);
  await refresh(0);
  await refresh(0);
  await refresh(4);
  await askEverybody(world, [session]);
  await refresh(0);
};

/** Exchanges race the end of their session. */
const raceRevocation = async (world: World): Promise<void> => {
  const session = await knownSession(world);
  const refresh = refreshOf(world, session);
  await Promise.all([refresh(0), refresh(0), endAtLast(world, session), refresh(0)]);
  await askEverybody(world, [session]);
  await refresh(0);
};

export const refreshing: Scenario = {
  name: "refresh",
  async run(world) {
    const all = Array.from({ length: SESSIONS });
    await Promise.all(all.map(() => raceExchanges(world)));
    await Promise.all(all.map(() => raceRevocation(world)));
    await lateAndOld(world);
    await repeatAfterGrace(world);
  },
};
