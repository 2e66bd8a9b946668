import type { Call } from "../call.js";
import type { Clock } from "../ports/clock.js";
import type { SessionStore } from "../ports/session_store.js";
import type { WithRecentActivity } from "../session/recent_activity.js";
import { answerableMs, type UnansweredLogins, withdrawal } from "./unanswered_logins.js";

const BATCH = 200;
/**
 * The age limit of the search, in milliseconds: many rounds of the cleanup. Older sessions become idle and time out.
 */
const WINDOW_MS = 10 * 60_000;

/**
 * Ends the sessions of logins whose process died between commit and answer
 * (N4). Resolves to how many there were.
 */
export const unansweredSweep =
  (deps: {
    store: Pick<SessionStore, "transaction">;
    unanswered: Pick<UnansweredLogins, "includes">;
    withRecentActivity: WithRecentActivity;
    clock: Clock;
    consistencyTimeoutMs: number;
  }) =>
  async (call?: Call): Promise<number> => {
    const { store, unanswered, clock } = deps;
    let ended = 0;
    for (let after: string | undefined; ; ) {
      const page = await store.transaction(async (tx) => {
        const now = clock.now();
        const createdBefore = now - answerableMs(deps.consistencyTimeoutMs);
        const createdAfter = createdBefore - WINDOW_MS;
        const found = await tx.lockUnanswered({ createdAfter, createdBefore }, BATCH, after);
        const recent = await deps.withRecentActivity(found);
        const lost = recent.filter((session) => unanswered.includes(session, now));
        const gone = await tx.revokeSessions(lost.map(({ id }) => withdrawal(id, now)));
        return { found: found.length, last: found.at(-1)?.id, gone: gone.length };
      }, call);
      ended += page.gone;
      if (page.found < BATCH) return ended;
      after = page.last;
    }
  };
