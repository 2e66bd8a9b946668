import { Redis } from "ioredis";
import { findOrInstall } from "./debian_packages.js";
import { findExecutable } from "./executable.js";
import { findFreePort } from "./free_port.js";
import { makePrivateFolder } from "./private_folder.js";
import { type ServerProcess, startServerProcess } from "./server_process.js";

const HOST = "127.0.0.1";

export interface RedisTls {
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Refuses clients without a certificate of the CA. */
  readonly requireClientCertificate?: boolean;
}

export interface RedisOptions {
  /** More of redis-server's command line, such as `["--maxmemory", "2mb"]`; it wins over the defaults. */
  readonly args?: readonly string[];
  readonly password?: string;
  /** Speaks TLS only. */
  readonly tls?: RedisTls;
}

/** A Redis server of the test's own, without persistence. Stop it in afterEach or afterAll. */
export interface RedisServer {
  /** `redis://` or `rediss://`, with the password. The same after `restart`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** SIGKILL is a crash; SIGTERM, the default, an orderly end. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Kills the server if it runs and starts it again on the same port: empty, unless `args` persist. */
  restart(): Promise<void>;
  /** Freezes the server: its connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Lets this process end while the server runs; the watchdog then stops it. */
  unref(): void;
}

/** Finds, or installs as root on Debian, Redis's server program. */
export function findRedisProgram(): string {
  return findOrInstall(
    "Redis",
    () => findExecutable(["redis-server", "valkey-server"]),
    ["redis-server"],
    "install Redis 7 or newer (Debian: apt-get install redis-server); setting TEST_REDIS_URL to a server " +
      "(a container, say) serves all but the tests that start, stop and break servers of their own.",
  );
}

/** Starts a private server, which takes about 20 ms. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const command = findRedisProgram();
  const folder = makePrivateFolder("redis");
  const port = await findFreePort();
  const args = [
    ...["--bind", HOST, "--dir", folder, "--save", "", "--appendonly", "no"],
    ...(options.tls ? tlsArguments(port, options.tls) : ["--port", String(port)]),
    ...(options.password === undefined ? [] : ["--requirepass", options.password]),
    ...(options.args ?? []),
  ];
  const start = () =>
    startServerProcess({ command, args, ready: /Ready to accept connections/, cwd: folder });
  return controlRedis(await start(), start, redisUrl(port, options), port);
}

function redisUrl(port: number, { password, tls }: RedisOptions): string {
  const credentials = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
  return `${tls ? "rediss" : "redis"}://${credentials}${HOST}:${port}`;
}

function tlsArguments(port: number, tls: RedisTls): string[] {
  return [
    ...["--port", "0", "--tls-port", String(port), "--tls-ca-cert-file", tls.caFile],
    ...["--tls-cert-file", tls.certificateFile, "--tls-key-file", tls.keyFile],
    ...[
      "--tls-auth-clients",
      tls.requireClientCertificate ? "yes" : "no",
      "--tls-replication",
      "yes",
    ],
  ];
}

function controlRedis(
  first: ServerProcess,
  start: () => Promise<ServerProcess>,
  url: string,
  port: number,
): RedisServer {
  let server = first;
  return {
    url,
    host: HOST,
    port,
    stop: (signal = "SIGTERM") => server.stop(signal),
    async restart() {
      await server.stop("SIGKILL");
      server = await start();
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    unref: () => server.unref(),
  };
}

let urlForFile: Promise<string> | undefined;

/**
 * The Redis that all tests of one file share: a server of the file's own that ends with the file, or, with
 * TEST_REDIS_URL, a logical database that no file running at the same time uses, emptied first.
 * Do not stop, pause or reconfigure it: `startRedis` is for that.
 */
export function redisUrlForFile(): Promise<string> {
  urlForFile ??= process.env.TEST_REDIS_URL
    ? emptyLogicalDatabase(process.env.TEST_REDIS_URL)
    : startRedisForFile();
  return urlForFile;
}

async function startRedisForFile(): Promise<string> {
  const server = await startRedis();
  server.unref();
  return server.url;
}

async function emptyLogicalDatabase(serverUrl: string): Promise<string> {
  const url = new URL(serverUrl);
  url.pathname = process.env.VITEST_POOL_ID ?? "1";
  const client = new Redis(url.href);
  await client.flushdb();
  await client.quit();
  return url.href;
}
