import { setTimeout as wait } from "node:timers/promises";
import type { RedisServer } from "../../test/support/redis.js";
import { redisCommand } from "../../test/support/redis_command.js";
import { type SentinelRedis, startRedisSentinel } from "../../test/support/redis_sentinel.js";
import { waitUntil } from "../../test/support/wait_until.js";
import { createLock, type Lock } from "./lock.js";

/** Sentinel waits for some seconds between two failovers, and longer on a busy machine. */
const FAILOVER_MS = 120_000;
/** Longer than it ever took without help. */
const MEND_MS = 60_000;

/** A master and its replica, which change places any number of times under a Sentinel. */
export interface RedisPair {
  readonly url: string;
  /** Held by a fault that breaks it: one fault at a time, and each repairs it before the next. */
  readonly exclusively: Lock;
  /** The master in the Sentinel's eyes. */
  master(): Promise<RedisServer>;
  /** From now on the replica is frozen and never receives the writes that the master acknowledges. */
  partition(): Promise<void>;
  /** Resolves when the replica is the master. Breaks nothing itself. */
  failedOver(from: RedisServer): Promise<void>;
  /** Wakes the replica. */
  wakeReplica(): Promise<void>;
  /** Requests a failover from the Sentinel while both servers are healthy. */
  changePlaces(): Promise<void>;
  /** Resolves when there is a master and a replica in sync with it, and the Sentinel knows. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

export const startRedisPair = async (): Promise<RedisPair> => pairOf(await startRedisSentinel());

const pairOf = (redis: SentinelRedis): RedisPair => {
  const { masterName, sentinel } = redis;
  const servers = [redis.first, redis.second];
  const ask = (question: string): Promise<unknown> =>
    redisCommand(`redis://${sentinel.host}:${sentinel.port}`, "SENTINEL", question, masterName);

  const roles = async (): Promise<{ master: RedisServer; replica: RedisServer }> => {
    const address = await ask("get-master-addr-by-name");
    const port = Array.isArray(address) ? String(address[1]) : "";
    const [master, replica] =
      port === String(redis.first.port) ? servers : [redis.second, redis.first];
    if (master === undefined || replica === undefined || port !== String(master.port))
      throw new Error(`the sentinel names a master at port ${port}, which is none of the two`);
    return { master, replica };
  };
  // The Sentinel ends all connections of a server whose role it changes.
  const saysItIsMaster = (server: RedisServer): Promise<boolean> =>
    replicationOf(server).then(
      (replication) => replication.includes("role:master"),
      () => false,
    );

  const isWhole = async (): Promise<boolean> => {
    for (const server of servers) if (!(await answers(server))) await server.restart();
    const { master, replica } = await roles();
    // The Sentinel is changing them.
    if (!(await saysItIsMaster(master))) return false;
    const replication = await replicationOf(replica).catch(() => "");
    if (!replication.includes(`master_port:${master.port}\r`)) {
      const address = [master.host, String(master.port)];
      await redisCommand(replica.url, "REPLICAOF", ...address).catch(() => undefined);
      return false;
    }
    return replication.includes("master_link_status:up") && isGood(await ask("replicas"));
  };

  /**
   * Recovers a Sentinel that has lost its state: the server that it names becomes the master, and the other one
   * follows.
   */
  const beginAnew = async (): Promise<void> => {
    const { master } = await roles();
    await redisCommand(master.url, "REPLICAOF", "NO", "ONE");
    await ask("reset");
  };

  return {
    url: redis.url,
    exclusively: createLock(),
    master: async () => (await roles()).master,
    async partition() {
      const { master, replica } = await roles();
      replica.pause();
      // Else the writes wait in the socket, and the replica reads them after its master's death.
      await redisCommand(master.url, "CLIENT", "KILL", "TYPE", "replica");
    },
    failedOver: (from) =>
      waitUntil(
        "the Redis replica has become the master",
        async () => {
          const { master } = await roles().catch(() => ({ master: from }));
          return master !== from && (await saysItIsMaster(master));
        },
        FAILOVER_MS,
      ),
    wakeReplica: async () => (await roles()).replica.resume(),
    changePlaces: () =>
      waitUntil(
        "the sentinel fails over when asked",
        () =>
          // Refused while it still has a former failover in mind.
          ask("failover").then(
            () => true,
            () => wait(100, false),
          ),
        FAILOVER_MS,
      ),
    async mend() {
      for (const server of servers) server.resume();
      // A query that a busy machine does not answer in time is repeated.
      const whole = () => isWhole().catch(() => false);
      const what = "Redis has a master and a replica in sync";
      await waitUntil(what, whole, MEND_MS).catch(async () => {
        await beginAnew();
        await waitUntil(what, whole, FAILOVER_MS);
      });
    },
    close: () => redis.stop(),
  };
};

const replicationOf = async (server: RedisServer): Promise<string> =>
  String(await redisCommand(server.url, "INFO", "replication"));

const answers = (server: RedisServer): Promise<boolean> =>
  redisCommand(server.url, "PING").then(
    () => true,
    () => false,
  );

/** Whether the Sentinel would promote the replica. */
const isGood = (replicas: unknown): boolean => {
  const [replica] = Array.isArray(replicas) ? replicas : [];
  if (!Array.isArray(replica)) return false;
  return replica[replica.indexOf("flags") + 1] === "slave";
};
