import { type CallLimits, requireCaller } from "../../../src/core/call.js";
import { unavailable } from "../../../src/core/errors.js";
import type { AuditEvent } from "../../../src/core/events/audit_event.js";
import type { SessionStore, SessionTransaction } from "../../../src/core/ports/session_store.js";
import type { Session } from "../../../src/core/session/session.js";
import type { Account } from "../../../src/core/users/user.js";
import { singleRefreshes } from "../../support/single_refreshes.js";

interface State {
  readonly accounts: Map<string, Account>;
  readonly sessions: Map<string, Session>;
  /** The time of the sweeper's first check of a session. */
  readonly checks: Map<string, number>;
  readonly events: AuditEvent[];
  revision: bigint;
  failures: number;
  /** Outcomes of attempts to sign in, of transactions that have committed. */
  readonly outcomes: string[];
}

type Used =
  | "lockUser"
  | "readUser"
  | "updateUser"
  | "lockSession"
  | "lockOpenSessionsOf"
  | "insertSession"
  | "updateSession"
  | "revokeSessions"
  | "lockUnanswered"
  | "record"
  | "concludeAttempt";

/**
 * Users, sessions and security events in memory, in place of Postgres:
 * transactions come one after the other, and one that fails leaves nothing.
 */
export const memoryPrimaryStore = (
  accounts: readonly Account[],
  sessions: readonly Session[] = [],
) => {
  let state: State = {
    accounts: new Map(accounts.map((account) => [account.id, account])),
    sessions: new Map(sessions.map((session) => [session.id, session])),
    checks: new Map(),
    events: [],
    revision: 0n,
    failures: 0,
    outcomes: [],
  };
  const primaryStore = {
    /** Every commit fails while this is set. */
    isDown: false,
    commits: 0,
    /** The calls about attempts that the throttle and the transactions received, in order. */
    attempts: [] as string[],
    /** Happens when the next transactions have committed, before their callers hear of it. */
    after: [] as (() => void)[],
    /** Runs before the next transaction, as if another caller had been quicker. */
    before: [] as ((state: State) => void)[],
  };
  let last: Promise<unknown> = Promise.resolve();

  const transactionOn = (draft: State): Pick<SessionTransaction, Used> => ({
    lockUser: async (userId) => draft.accounts.get(userId),
    readUser: async (userId) => draft.accounts.get(userId),
    async updateUser(userId, patch) {
      const account = draft.accounts.get(userId);
      if (account !== undefined) draft.accounts.set(userId, { ...account, ...patch });
    },
    lockSession: async (sessionId) => draft.sessions.get(sessionId),
    lockOpenSessionsOf: async (userId) =>
      [...draft.sessions.values()].filter((one) => one.userId === userId && one.end === undefined),
    async insertSession(session, nextCheckAt) {
      draft.sessions.set(session.id, session);
      draft.checks.set(session.id, nextCheckAt);
    },
    async updateSession(sessionId, patch) {
      const session = draft.sessions.get(sessionId);
      if (session !== undefined) draft.sessions.set(sessionId, { ...session, ...patch });
    },
    async revokeSessions(revocations) {
      return revocations.flatMap(({ sessionId, reason, at, by, ip }) => {
        const session = draft.sessions.get(sessionId);
        if (session === undefined || session.end !== undefined) return [];
        draft.revision += 1n;
        const ended = { ...session, end: { reason, at, by, revision: draft.revision } };
        draft.sessions.set(sessionId, ended);
        draft.events.push({
          type: "SESSION_ENDED",
          at,
          userId: session.userId,
          sessionId,
          actor: by,
          reason,
          ip,
        });
        return [ended];
      });
    },
    async concludeAttempt({ limits }, outcome) {
      draft.outcomes.push(outcome);
      if (outcome !== "failed") return { locked: false };
      draft.failures += 1;
      return { locked: draft.failures === limits.perAccount };
    },
    async lockUnanswered({ createdAfter, createdBefore }, limit) {
      return [...draft.sessions.values()]
        .filter(({ refresh, end }) => refresh.isUnanswered && refresh.generation === 1 && !end)
        .filter(({ createdAt }) => createdAt >= createdAfter && createdAt <= createdBefore)
        .slice(0, limit);
    },
    async record(events) {
      draft.events.push(...events);
    },
  });

  const run = async <T>(
    work: (tx: SessionTransaction) => Promise<T>,
    call: CallLimits | undefined,
  ): Promise<T> => {
    requireCaller(call);
    primaryStore.before.shift()?.(state);
    const draft: State = {
      accounts: new Map(state.accounts),
      sessions: new Map(state.sessions),
      checks: new Map(state.checks),
      events: [...state.events],
      revision: state.revision,
      failures: state.failures,
      outcomes: [],
    };
    const result = await work(transactionOn(draft) as SessionTransaction);
    requireCaller(call);
    if (primaryStore.isDown) throw unavailable();
    state = draft;
    primaryStore.commits += 1;
    primaryStore.attempts.push(...draft.outcomes);
    primaryStore.after.shift()?.();
    return result;
  };

  const store: Pick<SessionStore, "transaction" | "rotate" | "markAnswered"> = {
    ...singleRefreshes,
    async markAnswered(answers) {
      if (primaryStore.isDown) throw unavailable();
      for (const { sessionId, generation, at } of answers) {
        const session = state.sessions.get(sessionId);
        const { refresh } = session ?? {};
        if (session === undefined || !refresh?.isUnanswered || refresh.generation !== generation)
          continue;
        const answered = { ...refresh, isUnanswered: false, rotatedAt: at };
        state.sessions.set(sessionId, { ...session, refresh: answered });
      }
      return answers.map(({ sessionId }) => sessionId);
    },
    transaction(work, call) {
      const next = last.then(() => run(work, call));
      last = next.catch(() => undefined);
      return next;
    },
  };
  return Object.assign(primaryStore, {
    store: store as SessionStore,
    events: (): readonly AuditEvent[] => state.events,
    eventTypes: (): readonly string[] => state.events.map(({ type }) => type),
    checkOf: (sessionId: string) => state.checks.get(sessionId),
    accountNamed: (folded: string) =>
      [...state.accounts.values()].find(({ username }) => username === folded),
    session(sessionId: string): Session {
      const found = state.sessions.get(sessionId);
      if (found === undefined) throw new Error(`there is no session ${sessionId}`);
      return found;
    },
    sessions: (): readonly Session[] => [...state.sessions.values()],
  });
};

export type MemoryPrimaryStore = ReturnType<typeof memoryPrimaryStore>;
