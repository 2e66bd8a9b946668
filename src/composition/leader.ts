import type { JobLeases } from "../core/ports/job_leases.js";

/**
 * Does `work` only while this replica has the job, so that of all replicas one
 * does it at a time. A replica that dies leaves the job to another after
 * `holdMs`, in milliseconds.
 */
export const asLeader =
  (leases: JobLeases, job: string, holdMs: number, work: () => Promise<unknown>) =>
  async (): Promise<void> => {
    if (!(await leases.take(job, holdMs))) return;
    const renewal = setInterval(() => {
      // If it fails, another may take over: the work itself is safe to do twice.
      leases.take(job, holdMs).catch(() => undefined);
    }, holdMs / 3);
    try {
      await work();
    } finally {
      clearInterval(renewal);
    }
  };
