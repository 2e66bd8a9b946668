import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";
import { type Database, openDatabase } from "../../src/postgres/database.js";
import { createDatabase } from "../support/test_database.js";
import type { Engine } from "./primary_store.js";

const STATEMENTS = new URL("../../src/postgres/", import.meta.url);

/** Every word in lower case of our statements: among them all aliases and columns. */
const wordsOfStatements = (): string[] => {
  const files = readdirSync(STATEMENTS).filter((file) => file.endsWith(".ts"));
  const text = files.map((file) => readFileSync(new URL(file, STATEMENTS), "utf8")).join("\n");
  const statements = text.match(/`[^`]*\b(?:SELECT|UPDATE|INSERT|DELETE)\b[^`]*`/g) ?? [];
  return [...new Set(statements.join(" ").match(/\b[a-z][a-z_]+\b/g) ?? [])];
};

/** Tables whose definition by heart is the business of a library. */
const FOREIGN = /^curfew_migrations/;

/** Makes changes that an administrator or another program may make to our tables. */
export const alterTables = async (url: string): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  const rows = async <Row>(sql: string) => (await client.query(sql)).rows as Row[];
  try {
    const columns = await rows<{ table: string; name: string; type: string }>(
      `SELECT table_name AS table, column_name AS name, data_type AS type
       FROM information_schema.columns WHERE table_schema = 'public'`,
    );
    const tables = [...new Set(columns.map(({ table }) => table))].filter((t) => !FOREIGN.test(t));
    for (const table of tables) {
      const own = columns.filter((column) => column.table === table);
      const taken = new Set(own.map(({ name }) => name));
      const added = wordsOfStatements().filter((word) => !taken.has(word));
      await client.query(
        `ALTER TABLE ${table} ${added.map((word) => `ADD COLUMN "${word}" text`).join(", ")}`,
      );
      const widened = own.filter(({ type }) => type === "integer");
      for (const { name } of widened)
        await client.query(`ALTER TABLE ${table} ALTER COLUMN "${name}" TYPE bigint`);
    }
  } finally {
    await client.end();
  }
};

/** Gives the database the defaults that suit another program. */
const setHostileDefaults = async (url: string): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const name = new URL(url).pathname.slice(1);
    for (const [setting, value] of Object.entries(HOSTILE_DEFAULTS))
      await client.query(`ALTER DATABASE ${name} SET ${setting} = ${value}`);
  } finally {
    await client.end();
  }
};

/** Defaults of the database that would each break a program that relies on PostgreSQL's own. */
export const HOSTILE_DEFAULTS: Readonly<Record<string, string>> = {
  datestyle: "'SQL, DMY'",
  intervalstyle: "sql_standard",
  timezone: "'Pacific/Chatham'",
  search_path: "nowhere",
  standard_conforming_strings: "off",
  bytea_output: "escape",
  extra_float_digits: "-15",
  array_nulls: "off",
  default_transaction_isolation: "serializable",
  default_transaction_deferrable: "on",
  lock_timeout: "'1ms'",
  statement_timeout: "'20ms'",
  idle_in_transaction_session_timeout: "'20ms'",
  idle_session_timeout: "'200ms'",
  synchronous_commit: "off",
  client_encoding: "'LATIN1'",
};

/** The run's PostgreSQL, with a database that another program has changed as much as is allowed. */
export const ALTERED_POSTGRES: Engine = {
  name: "PostgreSQL, altered by others",
  parallelTransactions: true,
  async open() {
    const { url, drop } = await createDatabase();
    await alterTables(url);
    await setHostileDefaults(url);
    const pools: Database[] = [];
    return {
      connect() {
        const pool = openDatabase({
          connection: url,
          poolSize: 8,
          acquireTimeoutMs: 10_000,
          statementTimeoutMs: 10_000,
        });
        pools.push(pool);
        return pool;
      },
      async close() {
        await Promise.all(pools.map((pool) => pool.destroy()));
        await drop();
      },
    };
  },
};
