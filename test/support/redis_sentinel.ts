import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findFreePort } from "./free_port.js";
import { makePrivateFolder } from "./private_folder.js";
import { findRedisProgram, type RedisServer, startRedis } from "./redis.js";
import { redisCommand } from "./redis_command.js";
import { type ServerProcess, startServerProcess } from "./server_process.js";
import { waitUntil } from "./wait_until.js";

const MASTER_NAME = "curfew";
const HOST = "127.0.0.1";

/** A master, a replica of it, and one sentinel that watches them. Stop it in afterEach or afterAll. */
export interface SentinelRedis {
  /** `redis+sentinel://host:port/name`. */
  readonly url: string;
  readonly masterName: string;
  readonly sentinel: { readonly host: string; readonly port: number };
  /** The master at the start; after a failover it is the replica. */
  readonly first: RedisServer;
  /** The replica at the start. */
  readonly second: RedisServer;
  /** From now on writes that `first` acknowledges never reach `second`, which answers no request until `failOver`. */
  stopReplication(): Promise<void>;
  /** Crashes `first` and resolves when `second` is the master in its own eyes and in the sentinel's. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

export interface SentinelOptions {
  /** The password that the sentinel requires of its clients; absent: none. The servers require no password. */
  readonly password?: string;
}

/** Starts them in sync. */
export async function startRedisSentinel({
  password,
}: SentinelOptions = {}): Promise<SentinelRedis> {
  // Redis else waits five seconds for more replicas before it serves the first.
  const first = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
  const second = await startRedis({ args: ["--replicaof", first.host, String(first.port)] });
  await waitUntil("the replica is in sync", async () =>
    (await replicationOf(second)).includes("master_link_status:up"),
  );
  const port = await findFreePort();
  const sentinel = await startSentinel(port, first, password);
  const secret = password === undefined ? "" : encodeURIComponent(password);
  const sentinelUrl = `redis://${secret && `:${secret}@`}${HOST}:${port}`;
  await waitUntil("the sentinel knows the replica", async () => {
    const replicas = await askSentinel(sentinelUrl, "replicas");
    return replicas.length === 1;
  });
  return {
    url: `redis+sentinel://${HOST}:${port}/${MASTER_NAME}${secret && `?sentinel_password=${secret}`}`,
    masterName: MASTER_NAME,
    sentinel: { host: HOST, port },
    first,
    second,
    async stopReplication() {
      second.pause();
      // Else the writes wait in the socket, and the replica reads them after its master's death.
      await redisCommand(first.url, "CLIENT", "KILL", "TYPE", "replica");
    },
    async failOver() {
      await first.stop("SIGKILL");
      second.resume();
      await waitUntil("the sentinel has promoted the replica", async () => {
        const [, masterPort] = await askSentinel(sentinelUrl, "get-master-addr-by-name");
        return (
          masterPort === String(second.port) &&
          (await replicationOf(second)).includes("role:master")
        );
      });
    },
    async stop() {
      await sentinel.stop("SIGKILL");
      await Promise.all([first, second].map((server) => server.stop("SIGKILL")));
    },
  };
}

async function replicationOf(server: RedisServer): Promise<string> {
  return String(await redisCommand(server.url, "INFO", "replication"));
}

async function askSentinel(url: string, question: string): Promise<unknown[]> {
  const answer = await redisCommand(url, "SENTINEL", question, MASTER_NAME);
  if (!Array.isArray(answer)) throw new Error(`The sentinel answered ${String(answer)}`);
  return answer;
}

async function startSentinel(
  port: number,
  master: RedisServer,
  password?: string,
): Promise<ServerProcess> {
  const folder = makePrivateFolder("sentinel");
  const configuration = join(folder, "sentinel.conf");
  await writeFile(
    configuration,
    [
      `port ${port}`,
      `bind ${HOST}`,
      `dir ${folder}`,
      ...(password === undefined ? [] : [`requirepass "${password}"`]),
      `sentinel monitor ${MASTER_NAME} ${master.host} ${master.port} 1`,
      `sentinel down-after-milliseconds ${MASTER_NAME} 300`,
      `sentinel failover-timeout ${MASTER_NAME} 2000`,
      "",
    ].join("\n"),
  );
  return startServerProcess({
    command: findRedisProgram(),
    args: [configuration, "--sentinel"],
    ready: /Sentinel ID is/,
    cwd: folder,
  });
}
