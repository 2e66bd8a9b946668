/**
 * Which replica does the jobs that one does for all. A lease, not a lock that is
 * held: it outlives no crash, needs no connection of its own, and works behind a
 * pooler of connections.
 */
export interface JobLeases {
  /** Whether this replica has the job, or gets it now, for `holdMs` from now. */
  take(job: string, holdMs: number): Promise<boolean>;
  /** Gives up all jobs of this replica, at a graceful stop. */
  leave(): Promise<void>;
}
