import { createHash } from "node:crypto";
import type { Knex } from "knex";
import { run } from "./database.js";

/** A value for a placeholder; knex's own type forgets that elements of an array may be null. */
type Binding = Knex.RawBinding | (string | null)[];

/** Runs a statement of ours. Resolves to its rows. */
export type Rows = <Row>(sql: string, bindings: readonly Binding[]) => Promise<Row[]>;

const rowsOf = async <Row>(
  source: Knex,
  sql: string,
  bindings: readonly Binding[],
  name?: string,
): Promise<Row[]> => {
  const statement = source.raw<{ rows: Row[] }>(sql, bindings as readonly Knex.RawBinding[]);
  return (await run(name === undefined ? statement : statement.options({ name }))).rows;
};

/** Runs statements that are seldom, or whose best plan depends on the values. */
export const plannedRows =
  (source: Knex): Rows =>
  (sql, bindings) =>
    rowsOf(source, sql, bindings);

const names = new Map<string, string>();

const nameOf = (sql: string): string => {
  const known = names.get(sql);
  if (known !== undefined) return known;
  const name = createHash("sha256").update(sql).digest("base64url").slice(0, 22);
  names.set(sql, name);
  return name;
};

/**
 * Runs statements whose texts are few and constant. Each connection prepares
 * them once: to parse and plan them anew took more than half of Postgres's time
 * for a login. They name the columns they read, since a prepared `SELECT *`
 * fails when a newer version's migration adds a column ("cached plan must not
 * change result type").
 */
export const preparedRows =
  (source: Knex): Rows =>
  (sql, bindings) =>
    rowsOf(source, sql, bindings, source.userParams.sharedBackend ? undefined : nameOf(sql));
