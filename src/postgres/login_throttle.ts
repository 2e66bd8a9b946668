import { createHash } from "node:crypto";
import { RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import type { LoginThrottle, ThrottleVerdict } from "../core/ports/login_throttle.js";
import { type Database, databaseFailure } from "./database.js";

export interface ThrottleLimits {
  /** Failed logins of one account before it is locked. */
  readonly perAccount: number;
  /** Failed logins from one address before it has to wait. */
  readonly perSource: number;
  /** How long a count, and a lock, lasts, in milliseconds. */
  readonly windowMs: number;
}

/**
 * Counts in Postgres, one atomic upsert an attempt, so that replicas and
 * restarts share them and losing Redis loses none. Keys are hashes: what
 * strangers typed as a username may be a password.
 */
export const postgresLoginThrottle = (
  database: Database,
  limits: ThrottleLimits,
): LoginThrottle => {
  const limiter = (keyPrefix: string, points: number) =>
    new RateLimiterPostgres({
      storeClient: database,
      storeType: "knex",
      tableName: "login_throttle",
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix,
      points,
      duration: limits.windowMs / 1000,
    });
  const accounts = limiter("account", limits.perAccount);
  const sources = limiter("source", limits.perSource);

  const keyOf = (text: string) => createHash("sha256").update(text).digest("base64url");

  const consume = async (limiter: RateLimiterPostgres, key: string, points: number) => {
    try {
      return { refused: false, state: await limiter.consume(keyOf(key), 1) };
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw databaseFailure(error);
      return { refused: error.consumedPoints > points, state: error };
    }
  };

  return {
    async attempt(usernameFolded, ip): Promise<ThrottleVerdict> {
      const source = await consume(sources, ip, limits.perSource);
      if (source.refused) return { retryAfterMs: source.state.msBeforeNext, locked: false };
      const account = await consume(accounts, usernameFolded, limits.perAccount);
      return {
        retryAfterMs: account.refused ? account.state.msBeforeNext : 0,
        locked: account.state.consumedPoints === limits.perAccount + 1,
      };
    },

    async forgive(usernameFolded, ip, clear) {
      try {
        await Promise.all([
          clear
            ? accounts.delete(keyOf(usernameFolded))
            : accounts.reward(keyOf(usernameFolded), 1),
          sources.reward(keyOf(ip), 1),
        ]);
      } catch (error) {
        throw databaseFailure(error);
      }
    },

    async unlock(usernameFolded) {
      try {
        await accounts.delete(keyOf(usernameFolded));
      } catch (error) {
        throw databaseFailure(error);
      }
    },
  };
};
