import { setImmediate as nextTurn } from "node:timers/promises";
import type { KnownSession } from "../client/recording_client.js";
import { loseMemory, MEMORY_LOSSES } from "../world/memory_loss.js";
import type { World } from "../world/world.js";
import { anyReplica, askEverybody, endAtLast, knownSessions, type Scenario } from "./scenario.js";

const SESSIONS = 5;
/** Most questions of one asker in a race. */
const MAX_QUESTIONS = 100;

/** Validations race revocations while Redis loses data; then every replica validates every token again. */
export const revocation: Scenario = {
  name: "revocation",
  async run(world) {
    const sessions = await knownSessions(world, SESSIONS);
    await Promise.all(
      sessions.slice(0, 2).map((session) => world.client.refresh(anyReplica(world), session)),
    );
    // Half of the races begin with an empty Redis, while the entries read from Postgres are being filled in.
    if (world.random.chance(0.5)) await loseMemory(world.redis.url, "everything", world.random);
    await Promise.all(sessions.map((session) => race(world, session)));
    for (const loss of MEMORY_LOSSES) {
      await loseMemory(world.redis.url, loss, world.random);
      await askEverybody(world, sessions);
    }
    // Repeating it answers the first revision.
    await Promise.all(sessions.map((session) => endAtLast(world, session)));
  },
};

const race = async (world: World, session: KnownSession): Promise<void> => {
  let over = false;
  const asking = world.replicas.map(async (replica) => {
    for (let asked = 0; asked < MAX_QUESTIONS && !over; asked++) {
      await world.client.validate(replica, session);
      // What answers out of its own memory must not keep all others from answering.
      await nextTurn();
    }
  });
  // With the oldest token: what ends is the session, not one of its tokens.
  const oldest = session.accessTokens.length - 1;
  const ended = world.random.chance(0.3)
    ? await world.client.revokeUser(anyReplica(world), session.user)
    : await world.client.logout(anyReplica(world), session, oldest);
  if (!ended) await endAtLast(world, session);
  await askEverybody(world, [session]);
  over = true;
  await Promise.all(asking);
};
