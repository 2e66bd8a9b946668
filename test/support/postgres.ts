import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "./database_client.js";
import { findFreePort } from "./free_port.js";
import { findPostgresPrograms, type PostgresPrograms } from "./postgres_programs.js";
import { makePrivateFolder } from "./private_folder.js";
import { type ServerProcess, startServerProcess } from "./server_process.js";
import { findSystemUser, isRoot, type SystemUser } from "./system_user.js";
import { waitUntil } from "./wait_until.js";

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

/** The settings that a primary needs so that it can have standbys. */
export const PRIMARY_SETTINGS = {
  wal_level: "replica",
  max_wal_senders: "5",
  // A standby soon finds a primary that was started again.
  wal_retrieve_retry_interval: "200ms",
};

/** The name by which a standby is known to its primary. */
const STANDBY_NAME = "standby";

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
  const password = randomBytes(12).toString("hex");
  return startWith(options, `postgres://${USER}:${password}@${HOST}`, (programs, folder, user) =>
    initialize(programs, folder, password, user),
  );
}

/**
 * Starts a standby of a server with PRIMARY_SETTINGS, a copy made by `pg_basebackup`. From then on the
 * primary acknowledges no commit that the standby has not applied. `pg_promote` makes it a primary.
 */
export async function startSynchronousStandby(primary: PostgresServer): Promise<PostgresServer> {
  const { username, password, host } = new URL(primary.url);
  const origin = `postgres://${username}:${password}@${host.replace(/:.*/, "")}`;
  const standby = await startWith(
    { settings: PRIMARY_SETTINGS },
    origin,
    (programs, folder, user) => {
      const dataFolder = join(folder, "data");
      const from = new URL(primary.url);
      from.searchParams.set("application_name", STANDBY_NAME);
      const args = ["--pgdata", dataFolder, "--dbname", from.href, "--write-recovery-conf"];
      execFileSync(programs.basebackup, [...args, "--checkpoint=fast", "--no-sync"], {
        stdio: "pipe",
        cwd: folder,
        env: environment(),
        ...user,
      });
      return dataFolder;
    },
  );
  const client = createClient({ connectionString: primary.url });
  await client.connect();
  try {
    await client.query("ALTER SYSTEM SET synchronous_commit = 'remote_apply'");
    await client.query(`ALTER SYSTEM SET synchronous_standby_names = '${STANDBY_NAME}'`);
    await client.query("SELECT pg_reload_conf()");
    await waitUntil("the standby is synchronous", async () => {
      const { rows } = await client.query(
        "SELECT FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'",
      );
      return rows.length === 1;
    });
  } finally {
    await client.end();
  }
  return standby;
}

/** Makes a standby the primary; resolves when it takes writes, for which it waits for no standby. */
export async function promote(standby: PostgresServer): Promise<void> {
  const client = createClient({ connectionString: standby.url });
  await client.connect();
  try {
    await client.query("SELECT pg_promote(true, 30)");
    // A copy of a primary with a standby has its settings.
    await client.query("ALTER SYSTEM RESET synchronous_standby_names");
    await client.query("SELECT pg_reload_conf()");
  } finally {
    await client.end();
  }
}

type MakeDataFolder = (
  programs: PostgresPrograms,
  folder: string,
  user: SystemUser | undefined,
) => string;

/** @param origin the server's URL without port and database */
async function startWith(
  options: PostgresOptions,
  origin: string,
  makeDataFolder: MakeDataFolder,
): Promise<PostgresServer> {
  const programs = findPostgresPrograms();
  // PostgreSQL refuses to run as root.
  const user = isRoot() ? findSystemUser(["postgres", "nobody"]) : undefined;
  const folder = makePrivateFolder("postgres", user);
  const dataFolder = makeDataFolder(programs, folder, user);
  const port = await findFreePort();
  const settings = { ...SETTINGS, ...durability(options.durable ?? false), ...options.settings };
  const start = () =>
    startServerProcess({
      command: programs.postgres,
      args: ["-D", dataFolder, "-p", String(port), ...settingArguments(settings)],
      ready: /database system is ready to accept (read-only )?connections/,
      cwd: folder,
      env: environment(),
      user,
    });
  return controlPostgres(await start(), start, origin, port);
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
