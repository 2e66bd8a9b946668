import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findOrInstall } from "./debian_packages.js";
import { findExecutable, searchPath } from "./executable.js";
import { findFreePort } from "./free_port.js";
import { makePrivateFolder } from "./private_folder.js";
import { startServerProcess } from "./server_process.js";
import { findSystemUser, isRoot } from "./system_user.js";

/** A PgBouncer of the test's own. Stop it in afterEach or afterAll. */
export interface PgBouncer {
  /** The database's URL, through the pooler. */
  readonly url: string;
  stop(): Promise<void>;
}

const findProgram = (): string =>
  findOrInstall(
    "PgBouncer",
    () => findExecutable(["pgbouncer"], [...searchPath(), "/usr/sbin"]),
    ["pgbouncer"],
    "install PgBouncer 1.18 or newer (Debian: apt-get install pgbouncer).",
  );

/** Starts a pooler in front of the server of `databaseUrl`, with the settings of pgbouncer.ini given. */
export const startPgBouncer = async (
  databaseUrl: string,
  settings: Readonly<Record<string, string>>,
): Promise<PgBouncer> => {
  const command = findProgram();
  // PgBouncer refuses to run as root.
  const user = isRoot() ? findSystemUser(["postgres", "nobody"]) : undefined;
  const folder = makePrivateFolder("pgbouncer", user);
  const port = await findFreePort();
  const { hostname, port: serverPort, username, password } = new URL(databaseUrl);
  const all = {
    listen_addr: "127.0.0.1",
    listen_port: String(port),
    unix_socket_dir: "",
    auth_type: "any",
    ...settings,
  };
  const server = `host=${hostname} port=${serverPort} user=${decodeURIComponent(username)} password=${decodeURIComponent(password)}`;
  const lines = [
    ...["[databases]", `* = ${server}`, "[pgbouncer]"],
    ...Object.entries(all).map(([name, value]) => `${name} = ${value}`),
  ];
  const file = join(folder, "pgbouncer.ini");
  writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o644 });
  const process = await startServerProcess({
    command,
    args: [file],
    ready: /process up/,
    cwd: folder,
    user,
  });
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${port}`;
  return { url: url.href, stop: () => process.stop("SIGINT") };
};
