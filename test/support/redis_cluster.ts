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
  /** Begins to move the slot of a key to another node, as a reshard does. */
  moveSlotOf(key: string): Promise<MovingSlot>;
  stop(): Promise<void>;
}

/** A slot on its way from one node to another. */
export interface MovingSlot {
  /** Keys that have not been moved yet. */
  keysLeft(): Promise<string[]>;
  moveKeys(keys: readonly string[]): Promise<void>;
  /** Moves the remaining keys, and assigns the slot to the other node permanently. */
  finish(): Promise<void>;
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
    moveSlotOf: (key) => moveSlot(nodes, key),
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

const MAX_KEYS = "100000";
const MIGRATE_TIMEOUT_MS = "5000";

async function moveSlot(nodes: readonly RedisServer[], key: string): Promise<MovingSlot> {
  const [asked] = nodes;
  if (asked === undefined) throw new Error("a cluster without nodes");
  const slot = String(await redisCommand(asked.url, "CLUSTER", "KEYSLOT", key));
  const ids = await Promise.all(nodes.map(async (node) => String(await ask(node, "MYID"))));
  const owner = await ownerOf(asked, Number(slot));
  const from = ids.indexOf(owner);
  const to = (from + 1) % nodes.length;
  const [source, target] = [nodes[from], nodes[to]];
  if (source === undefined || target === undefined) throw new Error(`nobody has slot ${slot}`);
  await ask(target, "SETSLOT", slot, "IMPORTING", ids[from] ?? "");
  await ask(source, "SETSLOT", slot, "MIGRATING", ids[to] ?? "");
  const moving: MovingSlot = {
    keysLeft: async () => (await ask(source, "GETKEYSINSLOT", slot, MAX_KEYS)) as string[],
    async moveKeys(keys) {
      const there = [target.host, String(target.port)];
      for (const one of keys)
        await redisCommand(source.url, "MIGRATE", ...there, one, "0", MIGRATE_TIMEOUT_MS);
    },
    async finish() {
      for (let left = await moving.keysLeft(); left.length > 0; left = await moving.keysLeft())
        await moving.moveKeys(left);
      const others = nodes.filter((node) => node !== target && node !== source);
      for (const node of [target, source, ...others])
        await ask(node, "SETSLOT", slot, "NODE", ids[to] ?? "");
    },
  };
  return moving;
}

const ask = (node: RedisServer, ...words: string[]): Promise<unknown> =>
  redisCommand(node.url, "CLUSTER", ...words);

/** The id of the node that has a slot. */
async function ownerOf(node: RedisServer, slot: number): Promise<string> {
  const ranges = (await ask(node, "SLOTS")) as [number, number, [string, number, string]][];
  const range = ranges.find(([first, last]) => first <= slot && slot <= last);
  return range?.[2][2] ?? "";
}
