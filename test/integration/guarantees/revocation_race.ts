import { setImmediate as nextTurn } from "node:timers/promises";
import { type CoreReplica, outcomeOf, signOut, verdictOf } from "../../support/core_replica.js";
import { type History, recordHistory } from "./history.js";
import type { OpenSession } from "./open_sessions.js";

/** Ends a session through a replica. */
export type EndOne = (replica: CoreReplica, session: OpenSession) => Promise<unknown>;

export const byLogout: EndOne = (replica, { accessToken }) => signOut(replica, accessToken);

export const byRevoke: EndOne = (replica, { id }) =>
  replica.core.end.one(id, { reason: "ADMIN", by: "service:test" });

const SESSIONS_AT_ONCE = 16;
/**
 * The maximum number of calls of one asker or ender about one session: a result that never becomes certain must not
 * hang the race.
 */
const MAX_CALLS = 200;

export interface RevocationRace {
  readonly replicas: readonly CoreReplica[];
  readonly sessions: readonly OpenSession[];
  /** No further session is raced for after this many milliseconds. */
  readonly budgetMs: number;
}

/**
 * Revokes each session through one replica while every replica validates it repeatedly, until each has answered that it
 * ended. Sessions are raced for several at a time, as many as the budget allows.
 */
export const raceRevocations = async (race: RevocationRace): Promise<History> => {
  const { replicas, sessions, budgetMs } = race;
  const history = recordHistory();
  const until = performance.now() + budgetMs;

  const question = async (replica: CoreReplica, session: OpenSession): Promise<void> => {
    for (let calls = 0; calls < MAX_CALLS; calls++) {
      const verdict = await history.question(session.id, () =>
        verdictOf(replica, session.accessToken),
      );
      if (verdict === "ACCESS_TOKEN_BLACKLISTED") return;
    }
  };
  const end = async (session: OpenSession, index: number): Promise<void> => {
    for (let turn = 0; turn < index % 7; turn++) await nextTurn();
    const way = index % 2 === 0 ? byLogout : byRevoke;
    for (let calls = 0; calls < MAX_CALLS; calls++) {
      // UNAVAILABLE is safe to repeat, here or on another replica.
      const ender = replicas[((index >> 1) + calls) % replicas.length];
      if (ender === undefined) return;
      const outcome = await history.revocation(session.id, () => outcomeOf(way(ender, session)));
      if (outcome === "OK") break;
    }
    // Begun after the answer: it is of these that L1 speaks.
    await Promise.all(replicas.map((replica) => question(replica, session)));
  };

  const waiting = sessions.entries();
  const runRaces = async (): Promise<void> => {
    for (const [index, session] of waiting) {
      if (performance.now() > until) return;
      await Promise.all([
        ...replicas.map((replica) => question(replica, session)),
        end(session, index),
      ]);
    }
  };
  await Promise.all(Array.from({ length: SESSIONS_AT_ONCE }, runRaces));
  return history;
};
