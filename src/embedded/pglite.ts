import { access, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { lockDataDir } from "./data_dir_lock.js";
import { type PgliteSocketOptions, type SocketAddress, servePglite } from "./pglite_socket.js";
import { SequencedPglite } from "./sequenced_pglite.js";

export interface EmbeddedPostgresOptions extends Partial<PgliteSocketOptions> {
  /** DATA_DIR. The database is its folder `postgres`, the lock its folder `lock`. */
  readonly dataDir: string;
}

/** What `pg` needs to connect. */
export interface EmbeddedConnection extends SocketAddress {
  readonly user: "postgres";
  readonly database: "postgres";
  /** Said, because the environment may ask for TLS. */
  readonly ssl: false;
}

export interface EmbeddedPostgres {
  readonly connection: EmbeddedConnection;
  /** Close the pools that use it first. */
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 64;

/**
 * Starts PGlite, a Postgres inside this process, on a data directory that no other process may open meanwhile.
 * Committed data survives the end of this process, also by kill -9. A loss of power may lose committed data, since
 * PGlite cannot fsync.
 *
 * All connections share one Postgres session. Transactions are served one after the other; statements run on the event
 * loop and cannot be cancelled or timed out. SET and named prepared statements of one connection affect all. Session
 * advisory locks exclude no other connection (transaction locks do), and LISTEN is not supported. A caller that holds a
 * transaction open while waiting for another connection waits for ever.
 */
export const openEmbeddedPostgres = async (
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> => {
  const { dataDir, ...socketOptions } = options;
  const folder = resolve(dataDir);
  const lock = await lockDataDir(folder);
  const opened: (() => Promise<void>)[] = [() => lock.release()];
  const closeAll = async (): Promise<void> => {
    for (let close = opened.pop(); close !== undefined; close = opened.pop()) await close();
  };
  try {
    const db = await openDatabase(join(folder, "postgres"));
    opened.push(() => db.close());
    const socket = await servePglite(db, { maxConnections: MAX_CONNECTIONS, ...socketOptions });
    opened.push(() => socket.close());
    let closing: Promise<void> | undefined;
    return {
      connection: { ...socket.address, user: "postgres", database: "postgres", ssl: false },
      close() {
        closing ??= closeAll();
        return closing;
      },
    };
  } catch (failure) {
    await closeAll();
    throw failure;
  }
};

const openDatabase = async (folder: string): Promise<PGlite> => {
  try {
    if (!(await exists(folder))) await makeDatabase(folder);
    const db = new SequencedPglite(folder);
    await db.waitReady;
    return db;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The database in ${folder} cannot be opened: ${reason}`, { cause });
  }
};

/** Makes it beside its place, so that a first start that is cut short leaves nothing half made there. */
const makeDatabase = async (folder: string): Promise<void> => {
  const unfinished = `${folder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  const fresh = await PGlite.create(unfinished);
  await fresh.close();
  await rename(unfinished, folder);
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
