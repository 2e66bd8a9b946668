import type { JobLeases } from "../core/ports/job_leases.js";
import type { Database } from "./database.js";
import { preparedRows } from "./statements.js";

/** By Postgres's clock, so that skewed replicas agree. */
const TAKE = `
  INSERT INTO job_leases AS lease (job, holder, until)
  VALUES (?, ?::uuid, clock_timestamp() + ? * interval '1 millisecond')
  ON CONFLICT (job) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE lease.holder = excluded.holder OR lease.until <= clock_timestamp()
  RETURNING lease.job`;

/** @param holder a UUID of this replica's own */
export const postgresJobLeases = (database: Database, holder: string): JobLeases => {
  const rows = preparedRows(database);
  return {
    take: async (job, holdMs) => (await rows(TAKE, [job, holder, holdMs])).length === 1,
    async leave() {
      await rows("DELETE FROM job_leases WHERE holder = ?::uuid", [holder]);
    },
  };
};
