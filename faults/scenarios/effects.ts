import { setTimeout as wait } from "node:timers/promises";
import type { KnownSession, KnownUser } from "../client/recording_client.js";
import type { World } from "../world/world.js";
import { anyReplica, askEverybody, insist, knownSessions, type Scenario } from "./scenario.js";

const SESSIONS = 4;
const ROUNDS = 4;
const MAX_SESSIONS = 2;

/** A client that repeats the last token it holds, round after round, each long after the one before. */
const repeatForLong = async (world: World, session: KnownSession): Promise<void> => {
  await world.client.refresh(anyReplica(world), session);
};

const logIn = (world: World, user: KnownUser) => world.client.login(anyReplica(world), user);

/** Stalls Postgres for as long as a server waits for it, while calls of all kinds continue. */
const stalled = async (world: World, work: () => Promise<unknown>): Promise<void> => {
  const going = work();
  for (let stall = 0; stall < 2; stall++) {
    await wait(world.random.below(15));
    world.postgresLink.hang(world.random.pick(["requests", "answers", "both"]));
    await wait(350);
    world.postgresLink.restore();
  }
  await going;
};

/**
 * Refreshes and logins of callers that disconnect, or that receive an outage as the answer: they must have no effect.
 */
export const failedCalls: Scenario = {
  name: "calls that fail",
  world: {
    settings: { maxSessions: MAX_SESSIONS },
    guardsSilence: true,
  },
  async run(world) {
    const sessions = await knownSessions(world, SESSIONS);
    const users = sessions.map(({ user }) => user);
    const everybody = () =>
      Promise.all([
        ...sessions.map((session) => repeatForLong(world, session)),
        ...users.map((user) => logIn(world, user)),
      ]);
    for (let round = 0; round < ROUNDS; round++) {
      world.callers.leaveWithin(30);
      await everybody();
      world.callers.leaveWithin(0);
      await stalled(world, everybody);
      await world.recovered();
      await world.advance(world.rules.graceMs * 1.5);
      for (const session of sessions) await repeatForLong(world, session);
    }
    for (const user of users) await insist(async () => (await logIn(world, user)) !== undefined);
    await askEverybody(world, sessions);
  },
};
