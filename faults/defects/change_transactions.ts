import type { SessionTransaction } from "../../src/core/ports/session_store.js";
import type { Ports } from "../../src/core/use_cases.js";

/** Ports whose transactions do some of their steps in another way. */
export const changeTransactions = (
  ports: Ports,
  change: (tx: SessionTransaction) => Partial<SessionTransaction>,
): Ports => ({
  ...ports,
  store: {
    ...ports.store,
    transaction: (work) => ports.store.transaction((tx) => work({ ...tx, ...change(tx) })),
  },
});
