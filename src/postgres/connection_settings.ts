import type pg from "pg";

/** Limits of a connection, in milliseconds; 0: none. */
export interface ConnectionLimits {
  readonly statementTimeoutMs: number;
  readonly idleInTransactionMs: number;
}

/**
 * Settings that PgBouncer keeps for each client and restores on whichever
 * server connection the client gets (PgBouncer, "Transaction pooling").
 */
const FOLLOWED = {
  // `pg` reads no other form of a date.
  datestyle: "ISO, YMD",
  timezone: "UTC",
  standard_conforming_strings: "on",
} as const;

/**
 * Settings of the session that the statements of this folder rely on. The
 * defaults of a database or a role can be anything: an administrator sets them
 * for another program. `default_transaction_read_only` is left alone, since it
 * may fence off a primary that was demoted, or one that is being moved. A name that this version of
 * PostgreSQL does not have is skipped.
 */
export const OWN_SETTINGS = {
  intervalstyle: "postgres",
  bytea_output: "hex",
  extra_float_digits: "1",
  array_nulls: "on",
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  // The limit of a statement bounds the wait for a lock.
  lock_timeout: "0",
  idle_session_timeout: "0",
  transaction_timeout: "0",
} as const;

/**
 * Without waiting for the disk, a crash of Postgres loses revocations that were
 * answered OK (L4); without waiting for synchronous standbys, a failover does.
 */
const DURABLE = `
  SELECT pg_catalog.set_config('synchronous_commit', 'on', false)
  WHERE pg_catalog.current_setting('synchronous_commit') IN ('off', 'local')`;

/**
 * The schema of our tables. A search path of the connection or the role is the operator's choice. A default of the
 * whole database is not: it must not hide tables that exist in `public`.
 */
const SEARCH_PATH = `
  SELECT pg_catalog.set_config('search_path', coalesce(
    (SELECT pg_catalog.quote_ident(n.nspname)
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = 'curfew_migrations' AND c.relkind = 'r'
       AND (c.oid = pg_catalog.to_regclass('curfew_migrations') OR n.nspname = 'public')
     ORDER BY c.oid IS NOT DISTINCT FROM pg_catalog.to_regclass('curfew_migrations') DESC LIMIT 1),
    pg_catalog.quote_ident(pg_catalog.current_schema()),
    'public'), false)
  FROM pg_catalog.pg_settings s
  WHERE s.name = 'search_path' AND s.source NOT IN ('client', 'user', 'database user')`;

const setAll = (settings: Readonly<Record<string, string>>): string => {
  const values = Object.entries(settings).map(([name, value]) => `('${name}', '${value}')`);
  return `
    SELECT pg_catalog.set_config(s.name, w.value, false)
    FROM (VALUES ${values.join(", ")}) AS w (name, value)
    JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = w.name`;
};

/**
 * Gives a new connection the settings that the code relies on.
 *
 * A pooler such as PgBouncer answers with a process id of its own. Behind one,
 * another client may get the same server connection for the next statement, so
 * only the settings that the pooler follows are set there.
 *
 * @returns whether the connection leads to Postgres itself, not to a pooler
 */
export const configureConnection = async (
  connection: pg.Client,
  { statementTimeoutMs, idleInTransactionMs }: ConnectionLimits,
): Promise<boolean> => {
  const { processID } = connection as pg.Client & { readonly processID: number | null };
  const { rows } = await connection.query<{ pid: number }>(
    "SELECT pg_catalog.pg_backend_pid() AS pid",
  );
  if (rows[0]?.pid !== processID) {
    await connection.query(setAll(FOLLOWED));
    return false;
  }
  // The limit of a statement comes first: a short default would end the others.
  await connection.query(`
    SET statement_timeout = ${Number(statementTimeoutMs)};
    SET idle_in_transaction_session_timeout = ${Number(idleInTransactionMs)};
    ${setAll({ ...FOLLOWED, ...OWN_SETTINGS })}; ${DURABLE}; ${SEARCH_PATH}`);
  return true;
};
