import { expect, test } from "vitest";
import { END_REASONS, type EndReason } from "../../../../src/core/session/session.js";
import { endedRefreshVerdict, endedVerdict } from "../../../../src/core/validation/verdict.js";

/** The contract, section 2. */
const ACCESS: Partial<Record<EndReason, string>> = {
  IDLE_TIMEOUT: "SESSION_INACTIVITY_TIMEOUT",
  EXPIRED: "SESSION_EXPIRED",
  USER_DISABLED: "USER_INACTIVE",
  USER_DELETED: "USER_INACTIVE",
};
const REFRESH: Partial<Record<EndReason, string>> = {
  IDLE_TIMEOUT: "SESSION_INACTIVITY_TIMEOUT",
  EXPIRED: "SESSION_EXPIRED",
};

test.each(END_REASONS)(
  "a session ended for %s: what its tokens are told, and when and why",
  (reason) => {
    const end = { reason, at: Date.UTC(2030, 0, 2, 3, 4, 5, 6), by: "user", revision: 9n };
    const metadata = { end_reason: reason, ended_at: "2030-01-02T03:04:05.006Z" };
    expect(endedVerdict(end)).toMatchObject({
      reason: ACCESS[reason] ?? "ACCESS_TOKEN_BLACKLISTED",
      metadata,
    });
    expect(endedRefreshVerdict(end)).toMatchObject({
      reason: REFRESH[reason] ?? "SESSION_REVOKED_OR_INVALID",
      metadata,
    });
  },
);
