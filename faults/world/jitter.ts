import { setTimeout as wait } from "node:timers/promises";
import type { Ports } from "../../src/core/use_cases.js";
import type { Random } from "../random.js";

/** Most extra milliseconds of a step that is held up. */
const MAX_MS = 12;
const PROBABILITY = 0.15;

/** How often each session was written to Postgres as used. */
export interface TouchCounts {
  readonly bySession: Map<string, number>;
}

/**
 * Ports that sometimes take a little longer, at the moments that decide races: after a read of the primary store, and
 * before and after a call to the hot store.
 */
export const jittery =
  (random: Random, touches: TouchCounts) =>
  (ports: Ports): Ports => {
    const pause = async (): Promise<void> => {
      if (random.chance(PROBABILITY)) await wait(random.below(MAX_MS));
    };
    const { store, hot } = ports;
    return {
      ...ports,
      store: {
        ...store,
        async sessionStatuses(ids) {
          const found = await store.sessionStatuses(ids);
          await pause();
          return found;
        },
        async transaction(work, call) {
          const result = await store.transaction(work, call);
          await pause();
          return result;
        },
        async rotate(rotations, liveAt, call) {
          const rotated = await store.rotate(rotations, liveAt, call);
          await pause();
          return rotated;
        },
        async touch(activity) {
          for (const { sessionId } of activity)
            touches.bySession.set(sessionId, (touches.bySession.get(sessionId) ?? 0) + 1);
          return store.touch(activity);
        },
      },
      hot: {
        ...hot,
        async fill(entry, fillToken, lease) {
          await pause();
          return hot.fill(entry, fillToken, lease);
        },
        async invalidate(revocations) {
          await pause();
          return hot.invalidate(revocations);
        },
      },
    };
  };
