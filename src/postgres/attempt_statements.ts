import { createHash } from "node:crypto";
import { type AttemptTransaction, RESERVATION_MS } from "../core/ports/login_throttle.js";
import type { Rows } from "./statements.js";

/** The stand-in for a text in the table: a username that a stranger typed may be a password. */
export const print = (text: string): string =>
  createHash("sha256").update(text).digest("base64url");
/** The row of an account. */
export const accountKey = (usernameFolded: string): string => `account:${print(usernameFolded)}`;

/**
 * Reserves a place for one attempt, first of the source, then of the account.
 * An account loses no place to a source that has none.
 *
 * A place is free while failures and live reservations together are fewer than
 * the limit. Each row is read and written under its lock, so replicas cannot
 * both take the last place. Every statement locks the source before the account.
 *
 * Bindings: source key, account key, id, window and reservation in milliseconds,
 * limits of a source and of an account. Answers one row for the source and, if
 * the source had a place, one for the account.
 */
export const RESERVE = `
  WITH given AS MATERIALIZED (
    SELECT ?::text AS source, ?::text AS account, ?::text AS id, clock_timestamp() AS now,
      ?::float8 * interval '1 millisecond' AS counts_for,
      ?::float8 / 1000 AS held_for, ?::int AS per_source, ?::int AS per_account
  ),
  source AS (
    INSERT INTO login_throttle AS t (key, attempts, expires_at, reservations)
    SELECT given.source, 0, given.now + given.counts_for,
      jsonb_build_object(given.id, extract(epoch FROM given.now) + given.held_for)
    FROM given
    ON CONFLICT (key) DO UPDATE SET ${take("per_source")}
    RETURNING t.attempts, t.expires_at, t.reservations
  ),
  account AS (
    INSERT INTO login_throttle AS t (key, attempts, expires_at, reservations)
    SELECT given.account, 0, given.now + given.counts_for,
      jsonb_build_object(given.id, extract(epoch FROM given.now) + given.held_for)
    FROM given, source WHERE source.reservations -> given.id IS NOT NULL
    ON CONFLICT (key) DO UPDATE SET ${take("per_account")}
    RETURNING t.attempts, t.expires_at, t.reservations
  )
  SELECT taken.kind, taken.attempts::int AS attempts, taken.reservations -> given.id IS NOT NULL AS reserved,
    ceil(extract(epoch FROM taken.expires_at - given.now) * 1000)::int AS left_ms
  FROM given, (
    SELECT 'source' AS kind, s.attempts, s.expires_at, s.reservations FROM source s
    UNION ALL SELECT 'account', a.attempts, a.expires_at, a.reservations FROM account a
  ) AS taken`;

function take(limit: "per_source" | "per_account"): string {
  const now = "(SELECT given.now FROM given)";
  return `
    attempts = CASE WHEN t.expires_at <= ${now} THEN 0 ELSE t.attempts END,
    expires_at = CASE WHEN t.expires_at <= ${now} OR t.attempts = 0 THEN excluded.expires_at
      ELSE t.expires_at END,
    reservations = (
      SELECT coalesce(jsonb_object_agg(held.id, held.until::float8), '{}') ||
        CASE WHEN count(*) FILTER (WHERE held.until::float8 > 0) +
          CASE WHEN t.expires_at <= ${now} THEN 0 ELSE t.attempts END < (SELECT given.${limit} FROM given)
        THEN excluded.reservations ELSE '{}' END
      FROM jsonb_each_text(t.reservations) AS held(id, until)
      WHERE abs(held.until::float8) > extract(epoch FROM ${now})
    )`;
}

/**
 * Concludes an attempt for the source and the account. `failed` counts it and
 * leaves a mark, by which a later `released` takes the failure back. `passed`
 * sets the account's failures to zero.
 *
 * Bindings: outcome, source key, account key, id, window and reservation in
 * milliseconds. Answers the account's failures.
 */
const CONCLUDE = `
  WITH given AS MATERIALIZED (
    SELECT ?::text AS outcome, ?::text AS source, ?::text AS account, ?::text AS id,
      clock_timestamp() AS now, ?::float8 * interval '1 millisecond' AS counts_for,
      ?::float8 / 1000 AS held_for
  ),
  concluded AS (
    INSERT INTO login_throttle AS t (key, attempts, expires_at, reservations)
    SELECT counted.key, CASE given.outcome WHEN 'failed' THEN 1 ELSE 0 END,
      given.now + given.counts_for,
      CASE given.outcome WHEN 'failed' THEN
        jsonb_build_object(given.id, -(extract(epoch FROM given.now) + given.held_for))
      ELSE '{}' END
    FROM given, LATERAL (VALUES (1, given.source), (2, given.account)) AS counted(turn, key)
    ORDER BY counted.turn
    ON CONFLICT (key) DO UPDATE SET
      attempts = (
        SELECT CASE
          WHEN given.outcome = 'passed' AND t.key = given.account THEN 0
          WHEN t.expires_at <= given.now THEN excluded.attempts
          WHEN (t.reservations ->> given.id)::float8 < 0
            THEN greatest(t.attempts - 1, 0) + excluded.attempts
          ELSE t.attempts + excluded.attempts END
        FROM given
      ),
      expires_at = CASE
        WHEN excluded.attempts > 0 AND (t.attempts = 0 OR t.expires_at <= (SELECT given.now FROM given))
        THEN excluded.expires_at ELSE t.expires_at END,
      reservations = (t.reservations - (SELECT given.id FROM given)) || excluded.reservations
    RETURNING t.key, t.attempts
  )
  SELECT concluded.attempts::int AS attempts FROM concluded, given
  WHERE concluded.key = given.account`;

/** The statements that conclude attempts, on a connection or within a transaction. */
export const attemptStatements = (rows: Rows): AttemptTransaction => ({
  async concludeAttempt({ id, accountKey, sourceKey, limits }, outcome) {
    const [account] = await rows<{ attempts: number }>(CONCLUDE, [
      outcome,
      sourceKey,
      accountKey,
      id,
      limits.windowMs,
      RESERVATION_MS,
    ]);
    return { locked: outcome === "failed" && account?.attempts === limits.perAccount };
  },
  async unlockAccount(usernameFolded) {
    await rows("UPDATE login_throttle SET attempts = 0 WHERE key = ?", [
      accountKey(usernameFolded),
    ]);
  },
});
