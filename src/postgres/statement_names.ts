import { createHash, randomBytes } from "node:crypto";

/** SQLSTATEs of a prepared statement that is no longer what its name says (PostgreSQL, appendix A). */
const STALE = new Set([
  // "cached plan must not change result type": a column has another type now.
  "0A000",
  // The statement is not there: something has dropped it.
  "26000",
  // The name is taken: another client has used this server connection.
  "42P05",
]);

/** So many times names may be given up before statements go without: something shares our connections. */
const MAX_RENEWALS = 20;

/** The names under which the connections of one pool prepare statements. */
export interface StatementNames {
  /** The name for a text; undefined: the statement is to be run without. */
  of(sql: string): string | undefined;
  /**
   * Whether a statement failed because of its name alone. If so, all names
   * change, so that every connection prepares anew: the same statement, or in
   * a transaction the whole of it, may be run again at once.
   */
  renewAfter(error: unknown, failed: string): boolean;
  /** From now on no statement has a name: connections lead to a pooler, which hands on the server's. */
  stopForPooler(): void;
  isPooled(): boolean;
}

/** Of this process alone: clients that share a server connection must not share names. */
const newPrefix = (): string => `${randomBytes(6).toString("base64url")}.`;

/** @param sharedBackend whether all connections end in one backend, where names would clash */
export const createStatementNames = (sharedBackend: boolean): StatementNames => {
  let names = new Map<string, string>();
  let prefix = newPrefix();
  let renewals = 0;
  let isPooled = false;

  return {
    of(sql) {
      if (sharedBackend || isPooled || renewals > MAX_RENEWALS) return undefined;
      const known = names.get(sql);
      if (known !== undefined) return known;
      const hash = createHash("sha256").update(sql).digest("base64url").slice(0, 22);
      const name = `${prefix}${hash}`;
      names.set(sql, name);
      return name;
    },
    renewAfter(error, failed) {
      if (!(error instanceof Error) || !("code" in error) || !STALE.has(String(error.code)))
        return false;
      // One change of the schema fails on many connections at once, and one renewal is enough.
      if (!failed.startsWith(prefix)) return true;
      renewals += 1;
      prefix = newPrefix();
      names = new Map();
      return true;
    },
    stopForPooler() {
      isPooled = true;
    },
    isPooled: () => isPooled,
  };
};
