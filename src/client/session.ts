/** A session as REST shows it: `curfew.v1.Session` in JSON, times as RFC 3339 text. */
export interface Session {
  readonly session_id: string;
  readonly user_id: string;
  /** `ACTIVE`, or how it ended. */
  readonly state: "ACTIVE" | "IDLE_TIMEOUT" | "EXPIRED" | "REVOKED" | (string & {});
  readonly created_at: string;
  readonly last_activity_at: string;
  /** When it ends if it is not used before. */
  readonly idle_expires_at: string;
  /** When it ends at the latest. */
  readonly expires_at: string;
  /** Absent while it is live. */
  readonly revoked_at?: string | null;
  /** `UNSPECIFIED` while it is live, else for example `LOGOUT` or `ADMIN`. */
  readonly end_reason: string;
  readonly ended_by: string;
  /** The device name given at login. */
  readonly device: string;
  readonly ip: string;
  readonly user_agent: string;
  /** Whether it is the caller's own. */
  readonly current: boolean;
}
