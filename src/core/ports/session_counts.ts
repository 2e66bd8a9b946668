import type { LiveAt } from "./session_store.js";

/** How many sessions there are, for those who ask often: counted by one replica, read by all. */
export interface SessionCountStore {
  /** Counts anew, in slices that hold nobody up, and keeps the result. */
  take(liveAt: LiveAt): Promise<SessionCounts>;
  /** The last count; undefined: nobody has counted yet. */
  read(): Promise<SessionCounts | undefined>;
}

export interface SessionCounts {
  readonly live: number;
  /** Past their inactivity timeout, and nobody has noticed yet. */
  readonly idle: number;
  /** Ended, and still on record. */
  readonly ended: number;
}
