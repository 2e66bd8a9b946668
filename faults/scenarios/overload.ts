import type { Call } from "../history/call.js";
import { loseMemory } from "../world/memory_loss.js";
import { first, knownSession, type Scenario } from "./scenario.js";

/** Far more than there are connections. */
const BURST = 120;
/** Of a burst that has a share of its own, so much is not done before one validation is. */
const MAX_DONE_BEFORE = 0.75;

const isOutage = ({ answer }: Call): boolean =>
  answer.kind === "uncertain" && answer.reason === "DEPENDENCY_UNAVAILABLE";

/** All sessions of a user are refreshed at once, and one validation needs Postgres meanwhile. */
export const overload: Scenario = {
  name: "more refreshes at once than Postgres has connections",
  world: { shares: true, settings: { maxSessions: 10_000 } },
  async run(world, report) {
    const replica = first(world.replicas);
    const other = await knownSession(world);
    const sessions = await world.openSessions(await world.newUser(), BURST);
    await loseMemory(world.redis.url, "everything", world.random);
    const before = world.recorder.calls().length;
    let done = 0;
    const burst = sessions.map((session) =>
      world.client.refresh(replica, session).then(() => {
        done += 1;
      }),
    );
    await world.client.validate(replica, other);
    const doneBefore = done;
    await Promise.all(burst);

    const calls = world.recorder.calls().slice(before);
    const outages = calls.filter(isOutage);
    if (outages.length > 0)
      report({
        guarantee: "O1",
        what: `${outages.length} of ${calls.length} calls were answered UNAVAILABLE, and the stores were well`,
        calls: outages.slice(0, 3),
      });
    if (doneBefore > MAX_DONE_BEFORE * BURST)
      report({
        guarantee: "O2",
        what: `a validation waited for ${doneBefore} of ${BURST} refreshes`,
        calls: [],
      });
  },
};
