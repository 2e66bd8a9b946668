import knexFactory, { type Knex } from "knex";
import type pg from "pg";
import { CurfewError, unavailable } from "../core/errors.js";

export interface DatabaseOptions {
  /** `postgres://…`, or the parts that `pg` takes. */
  readonly connection: string | pg.ClientConfig;
  /** Most connections of this process. */
  readonly poolSize: number;
  /** Most time to wait for a connection, in milliseconds. */
  readonly acquireTimeoutMs: number;
  /** Most time of one statement, in milliseconds. */
  readonly statementTimeoutMs: number;
}

export type Database = Knex;

/** The one pool of this process, bounded in size and in time. */
export const openDatabase = (options: DatabaseOptions): Database => {
  const base =
    typeof options.connection === "string"
      ? { connectionString: options.connection }
      : options.connection;
  return knexFactory({
    client: "pg",
    connection: {
      ...base,
      application_name: "curfew",
      connectionTimeoutMillis: options.acquireTimeoutMs,
      statement_timeout: options.statementTimeoutMs,
      // The server's limit does not help when the server is gone without a word.
      query_timeout: options.statementTimeoutMs + 50,
      idle_in_transaction_session_timeout: 10_000,
      keepAlive: true,
    } as Knex.StaticConnectionConfig,
    pool: {
      min: 0,
      max: options.poolSize,
      acquireTimeoutMillis: options.acquireTimeoutMs,
      createTimeoutMillis: options.acquireTimeoutMs,
      createRetryIntervalMillis: 50,
      propagateCreateError: true,
    },
    acquireConnectionTimeout: options.acquireTimeoutMs,
  });
};

/** SQLSTATE classes that tell of a defect of ours, not of a store in trouble. */
const DEFECTS = new Set(["0A", "21", "22", "23", "26", "42"]);

/**
 * What a failed statement means: DEPENDENCY_UNAVAILABLE, or the error itself
 * when it is a defect. SQLSTATEs: PostgreSQL, appendix A.
 */
export const databaseFailure = (error: unknown): unknown => {
  if (error instanceof CurfewError || !(error instanceof Error)) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (/^[0-9A-Z]{5}$/.test(code)) return DEFECTS.has(code.slice(0, 2)) ? error : unavailable(error);
  if (/^E[A-Z]+$/.test(code) || error.name === "KnexTimeoutError" || error.name === "TimeoutError")
    return unavailable(error);
  if (/connection|timeout|not queryable|acquire|terminat/i.test(error.message))
    return unavailable(error);
  return error;
};

/** Whether the same transaction may succeed when run again at once. */
export const worthRepeating = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "40P01" || error.code === "40001");

/** Runs statements and translates what goes wrong. */
export const run = async <T>(statements: PromiseLike<T>): Promise<T> => {
  try {
    return await statements;
  } catch (error) {
    throw databaseFailure(error);
  }
};
