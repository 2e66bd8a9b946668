import type { Database } from "./database.js";

/** What tarn, the pool that knex uses, tells of itself. */
interface Pool {
  numUsed(): number;
  numFree(): number;
  numPendingAcquires(): number;
}

/** Connections lent and free, and callers waiting for one. */
export const poolUse = (database: Database): { used: number; idle: number; waiting: number } => {
  const { pool } = database.client as { pool?: Pool };
  return {
    used: pool?.numUsed() ?? 0,
    idle: pool?.numFree() ?? 0,
    waiting: pool?.numPendingAcquires() ?? 0,
  };
};
