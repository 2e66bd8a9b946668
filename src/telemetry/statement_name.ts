/** The operation of a statement and the table that it works on. */
export interface StatementName {
  readonly operation: string;
  readonly table: string | undefined;
}

const CHANGES: readonly (readonly [operation: string, form: RegExp])[] = [
  ["INSERT", /\bINSERT\s+INTO\s+"?(\w+)/i],
  ["DELETE", /\bDELETE\s+FROM\s+"?(\w+)/i],
  ["UPDATE", /(?<!\b(?:DO|FOR)\s+)\bUPDATE\s+"?(\w+)/i],
];
const READ = /\bFROM\s+"?(?!unnest\b)(\w+)/i;

/** The name of a statement for a trace: no value, and few of them. */
export const statementName = (sql: string): StatementName => {
  for (const [operation, form] of CHANGES) {
    const [, table] = form.exec(sql) ?? [];
    if (table !== undefined) return { operation, table };
  }
  const [operation = "QUERY"] = /[a-z]+/i.exec(sql) ?? [];
  return {
    operation: operation.toUpperCase() === "WITH" ? "SELECT" : operation.toUpperCase(),
    table: READ.exec(sql)?.[1],
  };
};
