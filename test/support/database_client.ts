import pg from "pg";

/**
 * The error with which the server ends the connections of a database that is dropped, restarted or killed.
 * A test does all of these on purpose. Without a listener, the error of an idle connection is an uncaught
 * exception, and vitest fails the whole run although every test has passed.
 */
const ignoreLostConnection = (): void => undefined;

/** A pool whose idle connections may be lost. A query on a lost connection still rejects. */
export const createPool = (config: pg.PoolConfig): pg.Pool =>
  new pg.Pool(config).on("error", ignoreLostConnection);

/** A client that may lose its connection while it is idle. A query on a lost connection still rejects. */
export const createClient = (config: string | pg.ClientConfig): pg.Client =>
  new pg.Client(config).on("error", ignoreLostConnection);
