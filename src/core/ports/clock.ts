/** Time. The core knows no other. */
export interface Clock {
  /**
   * Milliseconds since the epoch on the clock that all replicas share (that of
   * Postgres), whatever this machine's wall clock says.
   */
  now(): number;
  /** Milliseconds from any fixed point; never steps. For measuring leases and time limits. */
  monotonic(): number;
  sleep(ms: number): Promise<void>;
}
