import type { HotStore } from "../../src/core/ports/hot_store.js";
import type { SessionStore, SessionTransaction } from "../../src/core/ports/session_store.js";
import type { Ports } from "../../src/core/use_cases.js";
import { createBoundedRunner } from "../../src/crypto/bounded_runner.js";
import type { CoreReplica } from "../../test/support/core_replica.js";
import { singleRefreshes } from "../../test/support/single_refreshes.js";
import type { CalledCore } from "../client/core_target.js";
import type { Sabotage, StoreUrls } from "../world/world.js";

/*
 * Sabotage of replicas that do some operations in another way and the rest as before. `change` is called once for each
 * replica (of a transaction, once for each transaction), so its state belongs to that replica alone.
 */

export const changeHot = (
  change: (hot: HotStore, ports: Ports, stores: StoreUrls) => Partial<HotStore>,
): Sabotage => ({
  ports: (ports, stores) => ({
    ...ports,
    hot: { ...ports.hot, ...change(ports.hot, ports, stores) },
  }),
});

export const changeStore = (
  change: (store: SessionStore, ports: Ports) => Partial<SessionStore>,
): Sabotage => ({
  ports: (ports) => ({ ...ports, store: { ...ports.store, ...change(ports.store, ports) } }),
});

export const changeTransactions = (
  change: (tx: SessionTransaction, ports: Ports) => Partial<SessionTransaction>,
): Sabotage =>
  changeStore((store, ports) => ({
    ...singleRefreshes,
    transaction: (work, call) =>
      store.transaction((tx) => work({ ...tx, ...change(tx, ports) }), call),
  }));

/** Half of a replica's connections to Postgres. */
const HALF_OF_POOL = 4;

/**
 * Changes transactions that read past their locks, over a second connection:
 * so few at once that there is one for each, or they would wait for each other.
 */
export const changeUnlocked = (
  change: (tx: SessionTransaction, store: SessionStore) => Partial<SessionTransaction>,
): Sabotage =>
  changeStore((store) => {
    const inTurn = createBoundedRunner({
      concurrency: HALF_OF_POOL,
      maxQueue: Number.POSITIVE_INFINITY,
      maxWaitMs: 60_000,
      onBusy: () => new Error("a transaction waited for a minute"),
    });
    return {
      ...singleRefreshes,
      transaction: (work, call) =>
        inTurn(() => store.transaction((tx) => work({ ...tx, ...change(tx, store) }), call)),
    };
  });

/** Changes the open sessions that a revocation or a login finds when it locks them. */
export const changeOpenSessions = (
  change: (open: OpenSessions, ports: Ports) => OpenSessions,
): Sabotage =>
  changeTransactions((tx, ports) => ({
    lockOpenSessionsOf: async (userId) => change(await tx.lockOpenSessionsOf(userId), ports),
  }));
type OpenSessions = Awaited<ReturnType<SessionTransaction["lockOpenSessionsOf"]>>;

/** Changes the session that an exchange or a revocation finds when it locks it. */
export const changeLockedSession = (change: (session: LockedSession) => LockedSession): Sabotage =>
  changeTransactions((tx) => ({
    async lockSession(sessionId) {
      const session = await tx.lockSession(sessionId);
      return session && change(session);
    },
  }));
type LockedSession = NonNullable<Awaited<ReturnType<SessionTransaction["lockSession"]>>>;

/** Changes what callers call. */
export const changeCore = (
  change: (core: CalledCore, replica: CoreReplica) => Partial<CalledCore>,
): Sabotage => ({
  core: (core, replica) => ({ ...core, ...change(core, replica) }),
});
