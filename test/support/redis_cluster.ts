import { findFreePort } from "./free_port.js";
import { type RedisServer, startRedis } from "./redis.js";
import { redisCommand } from "./redis_command.js";
import { waitUntil } from "./wait_until.js";

const MASTERS = 3;
const SLOTS = 16_384;

/** A Redis Cluster of three masters without replicas. Stop it in afterEach or afterAll. */
export interface RedisCluster {
  /** `redis+cluster://host:port,host:port,host:port`. */
  readonly url: string;
  readonly nodes: readonly RedisServer[];
  stop(): Promise<void>;
}

/** Starts the nodes, shares the slots out evenly, and resolves when every node finds the cluster whole. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const members = await Promise.all(Array.from({ length: MASTERS }, startMember));
  const nodes = members.map(({ node }) => node);
  await Promise.all(nodes.map(assignSlots));
  for (const { node, busPort } of members.slice(1)) {
    await introduce(nodes[0] as RedisServer, node, busPort);
  }
  for (const node of nodes) {
    await waitUntil("the cluster is whole", async () => isWhole(await clusterInfo(node)));
  }
  return {
    url: `redis+cluster://${nodes.map(({ host, port }) => `${host}:${port}`).join(",")}`,
    nodes,
    async stop() {
      await Promise.all(nodes.map((node) => node.stop("SIGKILL")));
    },
  };
}

async function startMember(): Promise<{ node: RedisServer; busPort: number }> {
  const busPort = await findFreePort();
  const node = await startRedis({
    args: [
      ...["--cluster-enabled", "yes", "--cluster-port", String(busPort)],
      ...["--cluster-node-timeout", "1000"],
    ],
  });
  return { node, busPort };
}

async function assignSlots(node: RedisServer, index: number): Promise<void> {
  const first = Math.ceil((index * SLOTS) / MASTERS);
  const last = Math.ceil(((index + 1) * SLOTS) / MASTERS) - 1;
  await redisCommand(node.url, "CLUSTER", "ADDSLOTSRANGE", String(first), String(last));
}

async function introduce(to: RedisServer, node: RedisServer, busPort: number): Promise<void> {
  await redisCommand(to.url, "CLUSTER", "MEET", node.host, String(node.port), String(busPort));
}

async function clusterInfo(node: RedisServer): Promise<string> {
  return String(await redisCommand(node.url, "CLUSTER", "INFO"));
}

function isWhole(info: string): boolean {
  return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${MASTERS}`);
}
