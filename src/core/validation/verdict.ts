import { CurfewError, fail } from "../errors.js";
import type { SessionEnd } from "../session/session.js";

/** The failure that a session's end means for an access token. It does not depend on who remembers the end (L6). */
export const endedVerdict = (end: SessionEnd): CurfewError => {
  const metadata = { end_reason: end.reason, ended_at: new Date(end.at).toISOString() };
  switch (end.reason) {
    case "IDLE_TIMEOUT":
      return fail("SESSION_INACTIVITY_TIMEOUT", { metadata });
    case "EXPIRED":
      return fail("SESSION_EXPIRED", { metadata });
    case "USER_DISABLED":
    case "USER_DELETED":
      return fail("USER_INACTIVE", { metadata });
    default:
      return fail("ACCESS_TOKEN_BLACKLISTED", { metadata });
  }
};

/** The failure that a session's end means for a refresh token. */
export const endedRefreshVerdict = (end: SessionEnd): CurfewError =>
  end.reason === "IDLE_TIMEOUT" || end.reason === "EXPIRED"
    ? endedVerdict(end)
    : fail("SESSION_REVOKED_OR_INVALID", {
        metadata: { end_reason: end.reason, ended_at: new Date(end.at).toISOString() },
      });

/**
 * Converts the rejection of a session check that was made for a refresh token: the same facts, in the reasons of
 * refresh tokens.
 */
export const asRefreshVerdict = (failure: unknown): unknown =>
  failure instanceof CurfewError &&
  (failure.reason === "ACCESS_TOKEN_BLACKLISTED" || failure.reason === "USER_INACTIVE")
    ? fail("SESSION_REVOKED_OR_INVALID", { metadata: failure.metadata })
    : failure;
