import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePort } from "./free_port.js";
import { findPostgresPrograms, type PostgresPrograms } from "./postgres_programs.js";
import { makePrivateFolder } from "./private_folder.js";
import { type ServerProcess, startServerProcess } from "./server_process.js";
import { findSystemUser, isRoot, type SystemUser } from "./system_user.js";

export { createDatabase, type TestDatabase } from "./test_database.js";

const HOST = "127.0.0.1";
const USER = "postgres";

// `synchronous_commit` stays on: a crash of the server alone must not lose a commit, with fsync off too.
const SETTINGS = {
  listen_addresses: HOST,
  unix_socket_directories: "",
  max_connections: "200",
  shared_buffers: "64MB",
  wal_level: "minimal",
  max_wal_senders: "0",
};

export interface PostgresOptions {
  /** Survives a power cut (fsync, full_page_writes). Off by default, for speed. */
  readonly durable?: boolean;
  /** Settings of postgresql.conf, by name; they win over the defaults of the tests. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** How `pg_ctl stop` calls them: after the transactions in hand, or at once and with recovery at the next start. */
export type PostgresStopMode = "fast" | "immediate";

/** A PostgreSQL server of the test's own. Stop it in afterEach or afterAll. */
export interface PostgresServer {
  /** Of the superuser's empty database. The same after `restart`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  stop(mode?: PostgresStopMode): Promise<void>;
  /** Stops the server if it runs and starts it again on the same port and data; resolves when it answers. */
  restart(mode?: PostgresStopMode): Promise<void>;
  /** Freezes the server and all its connections, which stay open: it hangs. */
  pause(): void;
  resume(): void;
  /** Lets this process end while the server runs; the watchdog then stops it. */
  unref(): void;
}

/** Starts a private server with a new data folder, which takes about a second, most of it `initdb`. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const programs = findPostgresPrograms();
  // PostgreSQL refuses to run as root.
  const user = isRoot() ? findSystemUser(["postgres", "nobody"]) : undefined;
  const folder = makePrivateFolder("postgres", user);
  const password = randomBytes(12).toString("hex");
  const dataFolder = initialize(programs, folder, password, user);
  const port = await findFreePort();
  const settings = { ...SETTINGS, ...durability(options.durable ?? false), ...options.settings };
  const start = () =>
    startServerProcess({
      command: programs.postgres,
      args: ["-D", dataFolder, "-p", String(port), ...settingArguments(settings)],
      ready: /database system is ready to accept connections/,
      cwd: folder,
      env: environment(),
      user,
    });
  return controlPostgres(await start(), start, `postgres://${USER}:${password}@${HOST}`, port);
}

function controlPostgres(
  first: ServerProcess,
  start: () => Promise<ServerProcess>,
  origin: string,
  port: number,
): PostgresServer {
  let server = first;
  const stop = (mode: PostgresStopMode = "fast") =>
    server.stop(mode === "fast" ? "SIGINT" : "SIGQUIT");
  return {
    url: `${origin}:${port}/postgres`,
    host: HOST,
    port,
    stop,
    async restart(mode) {
      await stop(mode);
      server = await start();
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    unref: () => server.unref(),
  };
}

/** Makes the data folder and returns its path. */
function initialize(
  { initdb }: PostgresPrograms,
  folder: string,
  password: string,
  user: SystemUser | undefined,
): string {
  const dataFolder = join(folder, "data");
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, password);
  const args = [
    `--pgdata=${dataFolder}`,
    `--username=${USER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--lc-messages=C",
    "--no-sync",
  ];
  execFileSync(initdb, args, { stdio: "pipe", cwd: folder, env: environment(), ...user });
  return dataFolder;
}

function environment(): NodeJS.ProcessEnv {
  const locale = process.platform === "darwin" ? "en_US.UTF-8" : "C.UTF-8";
  return { PATH: process.env.PATH, LC_ALL: locale };
}

function durability(durable: boolean): Record<string, string> {
  return durable ? {} : { fsync: "off", full_page_writes: "off" };
}

function settingArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
