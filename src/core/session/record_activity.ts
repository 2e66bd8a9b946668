import { type Call, requireCaller } from "../call.js";
import { CurfewError, isUndecided } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { Activity } from "../ports/session_store.js";
import type { SessionCheck } from "../validation/session_check.js";

/**
 * Tells of uses of sessions that were validated elsewhere. A session that is
 * not live is passed over: recording never revives (A3). A time in the future
 * counts as now. Resolves to how many were live.
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
