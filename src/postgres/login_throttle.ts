import { createHash } from "node:crypto";
import type { LoginThrottle } from "../core/ports/login_throttle.js";
import { type ThrottleLimits, throttleVerdict } from "../core/throttle_verdict.js";
import type { Database } from "./database.js";
import { preparedRows } from "./statements.js";

/**
 * Counts in Postgres, one atomic statement an attempt for the account and the
 * source together, on Postgres's clock: replicas and restarts share the counts,
 * skewed clocks do not matter, and losing Redis loses none. Keys are hashes:
 * what strangers typed as a username may be a password.
 *
 * Fixed windows from the first failure. An attempt that is refused counts too,
 * but does not make the lock longer.
 */
export const postgresLoginThrottle = (
  database: Database,
  limits: ThrottleLimits,
): LoginThrottle => {
  const rows = preparedRows(database);

  return {
    async attempt(usernameFolded, ip) {
      const account = accountKey(usernameFolded);
      const counted = await rows<{ key: string; attempts: number; left_ms: number }>(ATTEMPT, [
        limits.windowMs,
        [account, sourceKey(ip)],
      ]);
      const counts = counted.map(({ key, attempts, left_ms }) => ({
        of: key === account ? ("account" as const) : ("source" as const),
        attempts,
        leftMs: left_ms,
      }));
      return throttleVerdict(counts, limits);
    },

    async forgive(usernameFolded, ip, clear) {
      const account = accountKey(usernameFolded);
      await rows(FORGIVE, [clear ? account : "", [account, sourceKey(ip)]]);
    },

    async unlock(usernameFolded) {
      await rows("DELETE FROM login_throttle WHERE key = ?", [accountKey(usernameFolded)]);
    },

    async prune() {
      await rows("DELETE FROM login_throttle WHERE expires_at < clock_timestamp()", []);
    },
  };
};

const print = (text: string) => createHash("sha256").update(text).digest("base64url");
/** Accounts sort before sources, and every statement locks in that order. */
const accountKey = (usernameFolded: string) => `account:${print(usernameFolded)}`;
const sourceKey = (ip: string) => `source:${print(ip)}`;

const ATTEMPT = `
  INSERT INTO login_throttle AS t (key, attempts, expires_at)
  SELECT key, 1, clock_timestamp() + ? * interval '1 millisecond'
  FROM (SELECT unnest(?::text[]) AS key ORDER BY 1) AS keys
  ON CONFLICT (key) DO UPDATE SET
    attempts = CASE WHEN t.expires_at <= clock_timestamp() THEN 1 ELSE t.attempts + 1 END,
    expires_at = CASE WHEN t.expires_at <= clock_timestamp() THEN excluded.expires_at
      ELSE t.expires_at END
  RETURNING t.key, t.attempts::int AS attempts,
    ceil(extract(epoch FROM t.expires_at - clock_timestamp()) * 1000)::int AS left_ms`;

const FORGIVE = `
  UPDATE login_throttle t
  SET attempts = CASE WHEN t.key = ? THEN 0 ELSE greatest(t.attempts - 1, 0) END
  FROM (
    SELECT key FROM login_throttle WHERE key = ANY(?::text[]) ORDER BY key FOR UPDATE
  ) AS held
  WHERE t.key = held.key`;
