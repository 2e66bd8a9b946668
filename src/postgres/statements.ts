import type { Knex } from "knex";
import { type Database, run } from "./database.js";
import type { StatementNames } from "./statement_names.js";

/** A value for a placeholder; knex's own type forgets that elements of an array may be null. */
type Binding = Knex.RawBinding | (string | null)[] | (Date | null)[];

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

/** The names that a pool and its transactions share. */
export const namesOf = (source: Database): StatementNames =>
  (source.userParams as { names: StatementNames }).names;

/**
 * Runs statements whose texts are few and constant. Each connection prepares
 * them once: to parse and plan them anew took more than half of Postgres's time
 * for a login.
 *
 * A statement whose plan a change of the schema has spoiled is run once more,
 * under a new name. Within a transaction that cannot be: `worthRepeating` lets
 * the whole transaction run again.
 */
export const preparedRows = (source: Knex): Rows => {
  const names = namesOf(source);
  return async (sql, bindings) => {
    const name = names.of(sql);
    try {
      return await rowsOf(source, sql, bindings, name);
    } catch (error) {
      if (name === undefined || !names.renewAfter(error, name) || source.isTransaction) throw error;
      return await rowsOf(source, sql, bindings, names.of(sql));
    }
  };
};
