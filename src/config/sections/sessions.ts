import { setting } from "../setting.js";
import { duration, oneOf, wholeNumber } from "../value_schemas.js";

/** How long sessions live and how many there may be. */
export const SESSION_SETTINGS = {
  idleTimeoutMs: setting({
    name: "SESSION_INACTIVITY_TIMEOUT_MINUTES",
    schema: duration("minutes", 525_600),
    fallback: "30",
    doc: "A session ends when it has not been used for this long.",
  }),
  maxLifetimeMs: setting({
    name: "SESSION_MAX_LIFETIME_HOURS",
    schema: duration("hours", 87_600),
    fallback: "168",
    doc: "A session ends this long after its login, however much it is used.",
  }),
  refreshGraceMs: setting({
    name: "REFRESH_GRACE_SECONDS",
    schema: duration("seconds", 300, "zero"),
    fallback: "10",
    doc: "How long a used refresh token gives the same successor again: for a lost answer or a second tab.",
  }),
  maxConcurrentSessions: setting({
    name: "MAX_CONCURRENT_SESSIONS",
    schema: wholeNumber(1, 10_000),
    fallback: "5",
    doc: "Most live sessions of one user. After it is lowered, the background job `sessionLimit` ends sessions over the limit, as the policy chooses (with `reject`: the newest), within about a minute of the restart of all replicas.",
  }),
  sessionLimitPolicy: setting({
    name: "SESSION_LIMIT_POLICY",
    schema: oneOf("evict_oldest", "evict_least_recently_used", "reject"),
    fallback: "evict_oldest",
    doc: "The effect of a login at that limit: it revokes a session, or it is refused.",
  }),
  consistencyTimeoutMs: setting({
    name: "SESSION_CONSISTENCY_TIMEOUT_SECONDS",
    schema: duration("seconds", 60),
    fallback: "5",
    doc: "How long a login or a refresh may wait until PostgreSQL and Redis agree.",
  }),
  sessionRetentionMs: setting({
    name: "SESSION_RETENTION_HOURS",
    schema: duration("hours", 87_600),
    fallback: "168",
    doc: "How long an ended session is kept on record before cleanup deletes it.",
  }),
} as const;
