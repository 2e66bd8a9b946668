import { type Call, requireCaller } from "../call.js";
import { CurfewError, isUndecided } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { Activity } from "../ports/session_store.js";
import type { SessionCheck } from "../validation/session_check.js";

/**
 * Records uses of sessions that were validated elsewhere. Ignores sessions that are not live: recording never revives
 * one (A3). A future time counts as now. Resolves to the number of live sessions.
 */
export const recordActivity =
  (deps: { check: SessionCheck; clock: Clock }) =>
  async (activities: readonly Activity[], call?: Call): Promise<number> => {
    requireCaller(call);
    const now = deps.clock.now();
    const recorded = await Promise.all(
      activities.map(({ sessionId, at }) =>
        deps.check(sessionId, Math.max(1, Math.min(at, now))).then(
          () => true,
          (failure: unknown) => {
            if (failure instanceof CurfewError && !isUndecided(failure)) return false;
            throw failure;
          },
        ),
      ),
    );
    return recorded.filter(Boolean).length;
  };
