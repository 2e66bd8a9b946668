import { setTimeout as sleep } from "node:timers/promises";
import knexFactory, { type Knex } from "knex";
import type { CallLimits } from "../core/call.js";
import { unavailable } from "../core/errors.js";
import { WORK_CLASSES, type WorkClass } from "../core/ports/work_class.js";
import type { Admission, WorkState } from "./admission.js";
import type { AttentiveClock } from "./attentive_clock.js";

/** A connection of the pool; only knex looks into it. */
type Connection = object;

/** What this file uses of tarn, the pool inside knex. */
interface Pool {
  acquire(): { readonly promise: Promise<Connection>; abort(): void };
  release(connection: Connection): boolean;
  numUsed(): number;
  numFree(): number;
  numPendingCreates(): number;
  on(event: "createFail", listener: (eventId: number, error: unknown) => void): void;
}

interface Client {
  readonly pool: Pool | undefined;
  acquireConnection(): Promise<Connection>;
  releaseConnection(connection: Connection): Promise<void>;
  destroy(callback?: (error?: Error) => void): Promise<void>;
}

/** A connection that is lent, and how to give it back. */
export interface Loan {
  readonly connection: Connection;
  giveBack(): void;
}

/** Lends the connections of one pool to the classes of work. */
interface Lending {
  readonly share: (work: WorkClass) => Knex;
  readonly borrow: (work: WorkClass, call?: CallLimits) => Promise<Loan>;
  readonly warm: (connections: number) => Promise<void>;
  readonly use: () => PoolUse;
}

/** Connections, and work that waits for one. */
export interface PoolUse {
  readonly used: number;
  readonly idle: number;
  /** Connections that are being opened. */
  readonly opening: number;
  readonly classes: Readonly<Record<WorkClass, WorkState>>;
}

const LOOK_EVERY_MS = 5;

/** The lending of each pool, and which class of work a handle of it is for. */
const lendings = new WeakMap<Knex, { readonly lending: Lending; readonly work: WorkClass }>();

const lendingOf = (database: Knex) => {
  const found = lendings.get(database);
  if (found === undefined) throw new Error("not a database of openDatabase");
  return found;
};

const EVENTS = ["query", "query-response", "query-error"] as const;

/**
 * Puts the admission in front of the pool of a knex instance. Work that is
 * admitted has at most to wait for a connection that is being opened, and takes
 * any other that becomes free first: a connection that cannot be had is an
 * outage only where none is open, and none is being opened.
 *
 * @param clock runs while work waits for a connection or has one
 * @param openConnections how many connections of the pool are open
 */
export const lendConnections = (
  database: Knex,
  admission: Admission,
  clock: AttentiveClock,
  openConnections: () => number,
): void => {
  const client = database.client as Client;
  const pool = client.pool as Pool;
  const destroyPool = client.destroy.bind(client);
  const opening = new Set<(error: unknown) => void>();
  pool.on("createFail", (_, error) => {
    if (openConnections() > 0 || pool.numPendingCreates() > 0) return;
    for (const fail of [...opening]) fail(error);
    admission.failWaiting(unavailable(error));
  });

  const acquire = async (): Promise<Connection> => {
    // knex takes the pool away when it is destroyed.
    if (client.pool === undefined) throw unavailable("the pool of connections is closed");
    const pending = pool.acquire();
    let failed: ((error: unknown) => void) | undefined;
    const hopeless = new Promise<never>((_, reject) => {
      failed = reject;
      opening.add(reject);
    });
    try {
      return await Promise.race([pending.promise, hopeless]);
    } catch (error) {
      pending.promise.then(
        (late) => pool.release(late),
        () => undefined,
      );
      pending.abort();
      throw unavailable(error);
    } finally {
      if (failed !== undefined) opening.delete(failed);
    }
  };

  const borrow = async (work: WorkClass, call?: CallLimits): Promise<Loan> => {
    const stopClock = clock.run();
    let isAdmitted = false;
    try {
      await admission.enter(work, call);
      isAdmitted = true;
      const connection = await acquire();
      return {
        connection,
        giveBack() {
          pool.release(connection);
          admission.leave(work);
          stopClock();
        },
      };
    } catch (error) {
      if (isAdmitted) admission.leave(work);
      stopClock();
      throw error;
    }
  };

  /** Makes a handle's own statements borrow in a class. */
  const route = (handle: Knex, work: WorkClass): void => {
    const loans = new Map<Connection, Loan>();
    Object.assign(handle.client as object, {
      async acquireConnection() {
        const loan = await borrow(work);
        loans.set(loan.connection, loan);
        return loan.connection;
      },
      async releaseConnection(connection: Connection) {
        loans.get(connection)?.giveBack();
        loans.delete(connection);
      },
    } satisfies Partial<Client>);
  };

  const makeShare = (work: WorkClass): Knex => {
    const { log = {} } = (database.client as { config: Knex.Config }).config;
    const handle = knexFactory({ client: "pg", log });
    handle.userParams = database.userParams;
    route(handle, work);
    // A listener on the database receives the statements of all classes.
    for (const event of EVENTS)
      handle.on(event, (...about: unknown[]) => database.emit(event, ...about));
    return handle;
  };

  const shares = new Map<WorkClass, Knex>();
  const lending: Lending = {
    borrow,
    share(work) {
      const known = shares.get(work) ?? makeShare(work);
      shares.set(work, known);
      lendings.set(known, { lending, work });
      return known;
    },
    async warm(connections) {
      const missing = connections - openConnections() - pool.numPendingCreates();
      if (missing <= 0) return;
      // The pool opens connections only for those who wait, when none is free.
      const loans = Array.from({ length: pool.numFree() + missing }, async () =>
        pool.release(await acquire()),
      );
      await Promise.all(loans);
      // A connection that was given back may have served two of them.
      while (pool.numPendingCreates() > 0) await sleep(LOOK_EVERY_MS);
    },
    use: () => ({
      used: pool.numUsed(),
      idle: pool.numFree(),
      opening: pool.numPendingCreates(),
      classes: Object.fromEntries(
        WORK_CLASSES.map((work) => [work, admission.stateOf(work)]),
      ) as Record<WorkClass, WorkState>,
    }),
  };
  route(database, "administration");
  lendings.set(database, { lending, work: "administration" });
  Object.assign(client, {
    destroy(callback) {
      admission.close();
      return destroyPool(callback);
    },
  } satisfies Partial<Client>);
};

/** A handle of the same pool whose statements are work of that class. */
export const shareOf = (database: Knex, work: WorkClass): Knex =>
  lendingOf(database).lending.share(work);

/** Borrows a connection in the class of this handle, within the limits of a call. */
export const borrow = (database: Knex, call: CallLimits | undefined): Promise<Loan> => {
  const { lending, work } = lendingOf(database);
  return lending.borrow(work, call);
};

/** Opens connections until there are so many. Rejects if one of them cannot be opened. */
export const warm = (database: Knex, connections: number): Promise<void> =>
  lendingOf(database).lending.warm(connections);

export const poolUse = (database: Knex): PoolUse => lendingOf(database).lending.use();
