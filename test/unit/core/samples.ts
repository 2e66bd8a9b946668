import type { AccessClaims } from "../../../src/access_token/access_claims.js";
import type { Session } from "../../../src/core/session/session.js";
import type { CoreSettings } from "../../../src/core/settings.js";
import type { Account } from "../../../src/core/users/user.js";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
/** A moment to count from, in milliseconds since the epoch. */
export const NOW = Date.UTC(2030, 0, 1);

export const SETTINGS: CoreSettings = {
  issuer: "https://curfew.test",
  audience: "curfew",
  defaultClientId: "curfew",
  accessTtlMs: 15 * MINUTE,
  idleTimeoutMs: 30 * MINUTE,
  maxLifetimeMs: 168 * HOUR,
  graceMs: 10_000,
  maxSessions: 5,
  limitPolicy: "evict_oldest",
  consistencyTimeoutMs: 5000,
  retentionMs: 168 * HOUR,
  auditRetentionMs: 2160 * 3_600_000,
  passwordMinLength: 15,
  passwordContextWords: [],
};

/** A live session, made and last used at `NOW` unless given otherwise. */
export const session = (given: Partial<Session> = {}): Session => ({
  id: "session",
  userId: "user",
  createdAt: NOW,
  lastActivityAt: NOW,
  expiresAt: NOW + 168 * HOUR,
  accessExpiresAt: NOW + 15 * MINUTE,
  jti: "jti",
  device: "",
  ip: "",
  userAgent: "",
  clientId: "curfew",
  amr: ["pwd"],
  authTime: NOW,
  refresh: { generation: 1, rotatedAt: NOW, previousRotatedAt: NOW },
  end: undefined,
  ...given,
});

/** The account that owns the sessions, unless given otherwise. */
export const account = (given: Partial<Account> = {}): Account => ({
  id: "user",
  username: "ada",
  displayName: "Ada",
  roles: ["admin"],
  isActive: true,
  createdAt: NOW,
  passwordHash: "hash of right",
  ...given,
});

/** Claims of a good token, made 100 seconds ago and good for as long; its session for 1000. */
export const goodClaims = (change: Partial<AccessClaims> = {}): AccessClaims => {
  const now = Math.floor(NOW / 1000);
  return {
    iss: "https://curfew.test",
    aud: ["curfew", "billing"],
    sub: "user",
    sid: "session",
    jti: "token",
    iat: now - 100,
    exp: now + 100,
    sexp: now + 1000,
    auth_time: now - 100,
    amr: ["pwd"],
    roles: [],
    ...change,
  };
};
