import { problemWhen, type Rule } from "./rule.js";

/** A default that is too long gives way (see `resolveSettings`); a choice that is too long is an error. */
export const idleWithinLifetime: Rule = problemWhen(
  ({ values, isGiven }) =>
    isGiven("idleTimeoutMs") && (values.idleTimeoutMs ?? 0) > (values.maxLifetimeMs ?? Infinity),
  "SESSION_INACTIVITY_TIMEOUT_MINUTES is longer than SESSION_MAX_LIFETIME_HOURS, so no session would ever end for inactivity: lower the first or raise the second.",
);

export const accessWithinLifetime: Rule = problemWhen(
  ({ values, isGiven }) =>
    isGiven("accessTokenLifetimeMs") &&
    (values.accessTokenLifetimeMs ?? 0) > (values.maxLifetimeMs ?? Infinity),
  "ACCESS_TOKEN_EXPIRE_MINUTES is longer than SESSION_MAX_LIFETIME_HOURS, and no token outlives its session: lower the first or raise the second.",
);
