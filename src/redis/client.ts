import { Cluster, Redis, type RedisOptions } from "ioredis";

export interface RedisClientOptions {
  /**
   * `redis://` or `rediss://` (TLS), alone; `redis+sentinel://host:port,…/name`;
   * `redis+cluster://host:port,…`; each with `user:password@` if needed, and
   * `rediss+…` for TLS. Sentinels with credentials of their own:
   * `?sentinel_username=…&sentinel_password=…`.
   */
  readonly url: string;
  /** Most time of one command in milliseconds: a hung server must not hang a caller. */
  readonly commandTimeoutMs: number;
}

/** A client, and the facts about it that a hot store needs. */
export interface OpenedRedis {
  readonly client: RedisClient;
  /** 1 for a server alone; more for a cluster. */
  readonly shards: number;
  /** Most time of one command in milliseconds. */
  readonly commandTimeoutMs: number;
  /** Why there is no connection, which a command that fails for it does not say; undefined: there is one. */
  readonly connectionFailure: () => unknown;
}

export type RedisClient = Redis | Cluster;

/** Hash tags that sessions are spread over in a cluster; alone, one call takes all. */
const CLUSTER_SHARDS = 16;
const LONGEST_RECONNECT_MS = 250;
/** MOVED to where the slot is now, and ASK where it is going to. */
const MAX_REDIRECTIONS = 4;
/** Added to the client's own limit, which does not know whose fault the wait was (see `in_time.ts`). */
const LONGEST_TURN_MS = 1000;

/**
 * A client whose commands never wait: not for a connection, not in a queue, and
 * not longer than the time limit for an answer.
 */
export const openRedis = (options: RedisClientOptions): OpenedRedis => {
  const address = parseRedisUrl(options.url);
  const common: Omit<RedisOptions, "replyMapping"> = {
    ...(address.username !== "" && { username: address.username }),
    ...(address.password !== "" && { password: address.password }),
    ...(address.tls && { tls: {} }),
    commandTimeout: options.commandTimeoutMs + LONGEST_TURN_MS,
    connectTimeout: 1000,
    // A process that stops waits no longer for a server that is gone.
    disconnectTimeout: 250,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt: number) => Math.min(25 * attempt, LONGEST_RECONNECT_MS),
    // A demoted master answers READONLY: reconnect, to reach the present master.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
    keepAlive: 10_000,
    connectionName: "curfew",
  };
  const client = connect(address, common);
  // Every failure reaches the command that suffers it; without a listener it would end the process too.
  let failure: unknown;
  client.on("error", (error: unknown) => {
    failure = error;
  });
  client.on("ready", () => {
    failure = undefined;
  });
  return {
    connectionFailure: () => failure,
    client,
    shards: address.kind === "cluster" ? CLUSTER_SHARDS : 1,
    commandTimeoutMs: options.commandTimeoutMs,
  };
};

const connect = (
  address: RedisAddress,
  common: Omit<RedisOptions, "replyMapping">,
): RedisClient => {
  const [first] = address.nodes;
  if (address.kind === "cluster") {
    return new Cluster([...address.nodes], {
      redisOptions: common,
      enableOfflineQueue: false,
      clusterRetryStrategy: (attempt: number) => Math.min(25 * attempt, LONGEST_RECONNECT_MS),
      slotsRefreshTimeout: 1000,
      // Do not wait for a slot that moves: its keys are invalidated one by one, and their sessions are read from
      // Postgres.
      maxRedirections: MAX_REDIRECTIONS,
      retryDelayOnTryAgain: 1,
      retryDelayOnClusterDown: 0,
    });
  }
  if (address.kind === "sentinel")
    return new Redis({
      ...common,
      sentinels: [...address.nodes],
      name: address.path[0] ?? "mymaster",
      db: Number(address.path[1] ?? 0),
      ...(address.sentinel.username !== "" && { sentinelUsername: address.sentinel.username }),
      ...(address.sentinel.password !== "" && { sentinelPassword: address.sentinel.password }),
      sentinelRetryStrategy: (attempt: number) => Math.min(25 * attempt, LONGEST_RECONNECT_MS),
      ...(address.tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
    });
  return new Redis({
    ...common,
    host: first?.host ?? "127.0.0.1",
    port: first?.port ?? 6379,
    db: Number(address.path[0] ?? 0),
  });
};

interface RedisAddress {
  readonly kind: "standalone" | "sentinel" | "cluster";
  readonly tls: boolean;
  readonly username: string;
  readonly password: string;
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly path: readonly string[];
  /** The credentials for the Sentinels. */
  readonly sentinel: { readonly username: string; readonly password: string };
}

const URL_FORM =
  /^redis(s?)(?:[+-](sentinel|cluster))?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?]*)\/?([^?]*)(?:\?(.*))?/;

const parseRedisUrl = (url: string): RedisAddress => {
  const [, tls, kind, username = "", password = "", hosts = "", path = "", query = ""] =
    URL_FORM.exec(url) ?? [];
  const parameters = new Map(
    query.split("&").map((parameter) => parameter.split(/=(.*)/s, 2) as [string, string]),
  );
  const parameter = (name: string): string => decodeURIComponent(parameters.get(name) ?? "");
  const port = kind === "sentinel" ? 26379 : 6379;
  return {
    kind: (kind as "sentinel" | "cluster" | undefined) ?? "standalone",
    tls: tls === "s",
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    nodes: hosts.split(",").map((node) => {
      const [, host = "", given] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(node) ?? [];
      return { host: host.replace(/^\[|\]$/g, "") || "127.0.0.1", port: Number(given ?? port) };
    }),
    path: path.split("/").filter((part) => part !== ""),
    sentinel: {
      username: parameter("sentinel_username"),
      password: parameter("sentinel_password"),
    },
  };
};
