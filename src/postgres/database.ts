import type { EventEmitter } from "node:events";
import { Socket } from "node:net";
import knexFactory, { type Knex } from "knex";
import type pg from "pg";
import { CurfewError, unavailable } from "../core/errors.js";
import { type AdmissionOptions, createAdmission } from "./admission.js";
import { type AttentiveClock, createAttentiveClock } from "./attentive_clock.js";
import { configureConnection } from "./connection_settings.js";
import { hostUrls } from "./hosts.js";
import { lendConnections } from "./lending.js";
import { createPrimaryHost, type PrimaryHost } from "./primary_host.js";
import {
  createKnownPrimary,
  identityText,
  type KnownPrimary,
  readServerIdentity,
} from "./server_identity.js";
import { NO_SHARES, sharesOf } from "./shares.js";
import { createStatementNames } from "./statement_names.js";

export interface DatabaseOptions {
  /** `postgres://…`, which may name several hosts, or the parts that `pg` takes. */
  readonly connection: string | pg.ClientConfig;
  /** Most connections of this process. */
  readonly poolSize: number;
  /** Most time that work without a caller waits for its turn, in milliseconds; that of a call waits until its deadline. */
  readonly acquireTimeoutMs: number;
  /** Most time to open a connection, in milliseconds. Default: CONNECT_TIMEOUT_MS. */
  readonly connectTimeoutMs?: number;
  /** Whether each class of work has connections of its own, as in a server. Default: all share alike. */
  readonly reserve?: boolean;
  /** Connections that stay open when they are idle. Default: 0. */
  readonly warmConnections?: number;
  /** Receives the work that waits for its turn, and the refused work. */
  readonly onQueue?: Pick<AdmissionOptions, "onAdmitted" | "onRefused"> | undefined;
  /** Most time of one statement, in milliseconds; 0: no limit. */
  readonly statementTimeoutMs: number;
  /** Whether all connections end in one backend, as PGlite's do: names of prepared statements would clash. */
  readonly sharedBackend?: boolean;
}

export type Database = Knex;

/** How long a transaction may wait for its next statement before Postgres ends it, in milliseconds. */
const IDLE_IN_TRANSACTION_MS = 10_000;

/** How long Postgres may leave all statements unanswered before it counts as down, in milliseconds. */
export const MAX_SILENCE_MS = 220;

/**
 * TLS and SCRAM to a managed database over a wide network take several round
 * trips and two hundred milliseconds or more; this is enough for a slow one.
 */
export const CONNECT_TIMEOUT_MS = 5000;

/** The one pool of this process, bounded in size and in time. */
export const openDatabase = (options: DatabaseOptions): Database => {
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  const connections = new Map<string, PooledConnection>();
  const names = createStatementNames(options.sharedBackend === true);
  const primary = createKnownPrimary();
  const drop = (connection: PooledConnection, error: Error): void => {
    // knex listens to this event, and stops lending the connection.
    connection.emit("error", error);
    void connection.end();
  };
  /** Lets in the primary alone. Of one that was replaced, no connection is used again. */
  const requirePrimary = async (connection: PooledConnection, isDirect: boolean): Promise<void> => {
    const identity = await readServerIdentity(connection);
    // A pooler may lead each statement to another server.
    if (!isDirect || identity === undefined || !primary.admit(identity)) return;
    for (const other of connections.values())
      if (other !== connection) drop(other, new Error("connection to a former primary"));
  };
  const configure = async (connection: PooledConnection): Promise<void> => {
    if (options.sharedBackend === true) return;
    const limits = { ...options, idleInTransactionMs: IDLE_IN_TRANSACTION_MS };
    try {
      const isDirect = await configureConnection(connection, limits);
      if (!isDirect) names.stopForPooler();
      await requirePrimary(connection, isDirect);
    } catch (error) {
      // The pool does not know this connection yet.
      connections.delete(connection.__knexUid);
      void connection.end();
      throw error;
    }
  };
  const host = primaryHostOf(options.connection);
  const database = knexFactory({
    client: "pg",
    // Every failure reaches the statement that suffers it; knex would also print it.
    log: { warn: ignore, error: ignore, debug: ignore, deprecate: ignore },
    connection: {
      ...(typeof options.connection === "string"
        ? { connectionString: options.connection }
        : options.connection),
      application_name: "curfew",
      connectionTimeoutMillis: connectTimeoutMs,
      // The server's limit does not help when the server is gone without a word.
      query_timeout: options.statementTimeoutMs === 0 ? 0 : options.statementTimeoutMs + 50,
      keepAlive: true,
      stream: openSocket,
    } as Knex.StaticConnectionConfig,
    pool: {
      min: options.warmConnections ?? 0,
      max: options.poolSize,
      // Only work that was admitted acquires: at most it waits for a connection that is being opened.
      acquireTimeoutMillis: connectTimeoutMs,
      createTimeoutMillis: connectTimeoutMs,
      createRetryIntervalMillis: 50,
      // Another connection may become free sooner: see lending.ts.
      propagateCreateError: false,
      afterCreate(connection: PooledConnection, done: (error?: unknown) => void) {
        connections.set(connection.__knexUid, connection);
        connection.once("end", () => {
          connections.delete(connection.__knexUid);
          host?.suspect();
        });
        configure(connection).then(() => done(), done);
      },
    },
    acquireConnectionTimeout: connectTimeoutMs,
  });
  const clock = createAttentiveClock();
  database.userParams = { names, sharedBackend: options.sharedBackend === true, clock, primary };
  if (host !== undefined) followPrimary(database, host);
  database.on("query-error", (error: unknown, { __knexUid }: { __knexUid: string }) => {
    if (!(error instanceof Error)) return;
    // It repeats the row that was to be written, and errors are logged.
    if ("detail" in error) error.detail = undefined;
    const connection = connections.get(__knexUid);
    if (!isLost(error)) return;
    host?.suspect();
    if (connection !== undefined) drop(connection, error);
  });
  let heardAt = Number.NEGATIVE_INFINITY;
  database.on("query-response", () => {
    heardAt = clock.now();
  });
  const admission = createAdmission({
    ...options.onQueue,
    size: options.poolSize,
    shares: options.reserve === true ? sharesOf(options.poolSize) : NO_SHARES,
    maxWaitMs: options.acquireTimeoutMs,
    answers: () => connections.size > 0 && clock.now() - heardAt < MAX_SILENCE_MS,
  });
  lendConnections(database, admission, clock, () => connections.size);
  return database;
};

/** The primary host among several; undefined: only one is named. */
const primaryHostOf = (connection: DatabaseOptions["connection"]): PrimaryHost | undefined => {
  const urls = typeof connection === "string" ? hostUrls(connection) : [];
  return urls.length > 1 ? createPrimaryHost(urls) : undefined;
};

/** What this file uses of knex's client. */
interface Client {
  readonly pool: EventEmitter;
  connectionSettings: object;
  acquireRawConnection(): Promise<unknown>;
}

/** Opens each connection to the host that is the primary at that moment. */
const followPrimary = (database: Database, host: PrimaryHost): void => {
  const client = database.client as Client;
  const { connectionSettings } = client;
  const open = client.acquireRawConnection.bind(client);
  client.acquireRawConnection = async () => {
    const connectionString = await host.choose();
    // knex reads the settings before it first waits.
    client.connectionSettings = { ...connectionSettings, connectionString };
    return open();
  };
  client.pool.on("createFail", host.suspect);
};

/** Which primary the connections lead to; undefined: it is not known, as behind a pooler. */
export const primaryIdOf = (database: Database): string | undefined => {
  const known = (database.userParams.primary as KnownPrimary).current();
  return known && identityText(known);
};

/** The clock that measures how long a database has been unresponsive. */
export const attentiveClockOf = (database: Database): AttentiveClock =>
  database.userParams.clock as AttentiveClock;

/** A server that is reachable accepts a connection within a round trip; a lost packet is sent again after a second. */
const ACCEPT_TIMEOUT_MS = 1500;

/**
 * A socket that gives up a server that does not accept. What follows, TLS and
 * the password, may take up to the limit for opening a connection; a route that
 * is dead must not take as long, or it would be found alive as late.
 */
const openSocket = (): Socket => {
  const socket = new Socket();
  const giveUp = (): void => {
    socket.destroy(new Error("the server did not accept the connection in time"));
  };
  const timer = setTimeout(giveUp, ACCEPT_TIMEOUT_MS);
  const accepted = (): void => clearTimeout(timer);
  return socket.once("connect", accepted).once("close", accepted);
};

type PooledConnection = pg.Client & { readonly __knexUid: string };

const ignore = (): void => undefined;

/**
 * Whether a failed statement leaves a connection that must not be used again. A connection that did not answer in time
 * may still execute its statement, and a late BEGIN would swallow the writes of its next user. A server that shuts down
 * or became read-only is no longer the right server. SQLSTATEs: PostgreSQL, appendix A.
 */
const isLost = (error: Error): boolean =>
  error.message.endsWith("Query read timeout") || /^(08...|57P0[1-5]|25006)$/.test(codeOf(error));

const codeOf = (error: Error): string =>
  "code" in error && typeof error.code === "string" ? error.code : "";

/** SQLSTATE classes that tell of a defect of ours, not of a store in trouble. */
const DEFECTS = new Set(["0A", "21", "22", "23", "26", "42"]);
/** What pg and the pool say, without a code, of connections that were lost or not to be had. */
const TROUBLE = /connection|timeout|not queryable|acquire|terminat|^aborted$/i;

/**
 * Converts the failure of a statement: to DEPENDENCY_UNAVAILABLE, or to the error itself when it is a defect.
 * SQLSTATEs: PostgreSQL, appendix A.
 */
export const databaseFailure = (error: unknown): unknown => {
  if (error instanceof CurfewError || !(error instanceof Error)) return error;
  const code = codeOf(error);
  if (/^[0-9A-Z]{5}$/.test(code)) return DEFECTS.has(code.slice(0, 2)) ? error : unavailable(error);
  if (error instanceof TypeError || error instanceof RangeError) return error;
  // Any other code is the system's, the resolver's or TLS's.
  if (code !== "" || error.name === "KnexTimeoutError" || error.name === "TimeoutError")
    return unavailable(error);
  // knex puts the statement before the message.
  const message = error.message.split(" - ").at(-1) ?? "";
  return TROUBLE.test(message) ? unavailable(error) : error;
};

/** A deadlock, a serialization conflict, and failures of a prepared statement of an older schema. */
const REPEATABLE = new Set(["40P01", "40001", "0A000", "26000", "42P05"]);

/** Whether the same transaction may succeed when run again at once. */
export const worthRepeating = (error: unknown): boolean =>
  error instanceof Error && REPEATABLE.has(codeOf(error));

/** Runs statements and translates what goes wrong. */
export const run = async <T>(statements: PromiseLike<T>): Promise<T> => {
  try {
    return await statements;
  } catch (error) {
    throw databaseFailure(error);
  }
};
