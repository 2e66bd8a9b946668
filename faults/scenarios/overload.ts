import type { Call } from "../history/call.js";
import { loseMemory } from "../world/memory_loss.js";
import { first, knownSession, type Scenario } from "./scenario.js";

/** Far more than there are connections, and than share one transaction. */
const BURST = 400;
/** Of the refreshes that wait for their own share, so many are not done before one validation is. */
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
    // When one is done, the others wait for Postgres.
    await Promise.race(burst);
    const doneAtFirst = done;
    await world.client.validate(replica, other);
    const doneBefore = done - doneAtFirst;
    await Promise.all(burst);

    const calls = world.recorder.calls().slice(before);
    const outages = calls.filter(isOutage);
    if (outages.length > 0)
      report({
        guarantee: "O1",
        what: `${outages.length} of ${calls.length} calls were answered UNAVAILABLE, and the stores were well`,
        calls: outages.slice(0, 3),
      });
    const waiting = BURST - doneAtFirst;
    if (doneBefore > MAX_DONE_BEFORE * waiting)
      report({
        guarantee: "O2",
        what: `a validation waited for ${doneBefore} of ${waiting} refreshes`,
        calls: [],
      });
  },
};
