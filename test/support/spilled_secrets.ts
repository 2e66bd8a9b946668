import { Redis } from "ioredis";
import type pg from "pg";

/** A whole access token, refresh token or service key. */
const TOKENS = String.raw`eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{40,}|cf[rs]_[\w-]{40,}`;

const MAX_SHOWN = 5;

export interface WrittenDown {
  /** Of the service's database. */
  readonly pool: pg.Pool;
  readonly redisUrl: string;
  /** Lines of log. */
  readonly lines: readonly string[];
  /** Passwords that were used, besides tokens and keys, which are known by their looks. */
  readonly passwords: readonly string[];
}

/**
 * Where tokens, keys or passwords stand that a service has written down: in its
 * database, in Redis or in its log. So each test file that starts a service looks
 * for them at its end (D6), whatever it is about.
 */
export async function findSpilledSecrets({
  pool,
  redisUrl,
  lines,
  passwords,
}: WrittenDown): Promise<string[]> {
  const pattern = [TOKENS, ...passwords].join("|");
  const looks = new RegExp(pattern);
  return [
    ...(await rowsThatMatch(pool, pattern)),
    ...(await redisKeysThatMatch(redisUrl, looks)),
    ...lines.filter((line) => looks.test(line)).map((line) => `log: ${line.trim()}`),
  ].slice(0, MAX_SHOWN);
}

async function rowsThatMatch(pool: pg.Pool, pattern: string): Promise<string[]> {
  const { rows: tables } = await pool.query<{ name: string }>(
    `SELECT quote_ident(table_name) AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
  );
  const found = await Promise.all(
    tables.map(async ({ name }) => {
      const { rows } = await pool.query<{ text: string }>(
        `SELECT t::text AS text FROM ${name} AS t WHERE t::text ~ $1 LIMIT $2`,
        [pattern, MAX_SHOWN],
      );
      return rows.map(({ text }) => `table ${name}: ${text}`);
    }),
  );
  return found.flat();
}

async function redisKeysThatMatch(redisUrl: string, looks: RegExp): Promise<string[]> {
  const redis = new Redis(redisUrl);
  try {
    const keys = await redis.keys("*");
    const found = await Promise.all(
      keys.map(async (key) => {
        // Null: it has expired in the meantime.
        const value = await redis.dumpBuffer(key);
        return looks.test(key) || looks.test(value?.toString("latin1") ?? "") ? [key] : [];
      }),
    );
    return found.flat().map((key) => `Redis: ${key}`);
  } finally {
    redis.disconnect();
  }
}
