import { mkdtemp, rm } from "node:fs/promises";
import { platform, tmpdir } from "node:os";
import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

/** Where `pg` finds the server. A host that is a path is the folder of its Unix socket. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

export interface PgliteSocket {
  readonly address: SocketAddress;
  close(): Promise<void>;
}

export interface PgliteSocketOptions {
  readonly maxConnections: number;
  /** Listen on loopback TCP, which any user of this machine can reach, instead of a Unix socket. */
  readonly tcp?: boolean;
}

/** The name that clients of Postgres look for in the folder of a Unix socket. */
const SOCKET_NAME = ".s.PGSQL.5432";
const SOCKET_PORT = 5432;
/** `sun_path` of macOS, the shortest, less its final zero. */
const LONGEST_SOCKET_PATH = 103;

/**
 * Serves PGlite on a Unix socket in a new folder that only this user may enter, because PGlite requires no password.
 * Windows has no Unix socket that `pg` can use, so there PGlite gets a free port of 127.0.0.1.
 */
export const servePglite = async (
  db: PGlite,
  { maxConnections, tcp = platform() === "win32" }: PgliteSocketOptions,
): Promise<PgliteSocket> => {
  if (tcp) {
    const server = new PGLiteSocketServer({ db, host: "127.0.0.1", port: 0, maxConnections });
    await server.start();
    const port = Number(server.getServerConn().split(":").at(-1));
    return { address: { host: "127.0.0.1", port }, close: () => server.stop() };
  }
  // Not in the data directory: that may be a mount without sockets, or have a long path.
  const folder = await mkdtemp(join(tmpdir(), "curfew-"));
  const close = async (): Promise<void> => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const path = join(folder, SOCKET_NAME);
  const server = new PGLiteSocketServer({ db, path, maxConnections });
  try {
    if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH)
      throw new Error(`The socket path ${path} is too long: set TMPDIR to a shorter folder.`);
    await server.start();
  } catch (failure) {
    await close();
    throw failure;
  }
  return { address: { host: folder, port: SOCKET_PORT }, close };
};
