import type { LiveAt } from "./session_store.js";

/** How many sessions there are, for those who ask often: counted by one replica, read by all. */
export interface SessionCountStore {
  /** Counts again, in slices that block no other work, and stores the result. */
  take(liveAt: LiveAt): Promise<SessionCounts>;
  /** The last count; undefined if there is none yet. */
  read(): Promise<SessionCounts | undefined>;
}

export interface SessionCounts {
  readonly live: number;
  /** Past their inactivity timeout, but not yet recorded as ended. */
  readonly idle: number;
  /** Ended, and still on record. */
  readonly ended: number;
}
