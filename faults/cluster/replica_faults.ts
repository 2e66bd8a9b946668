import { setTimeout as wait } from "node:timers/promises";
import type { ClusterFault } from "./fault.js";

/** How far a clock that is wrong is off. */
const SKEW_S = 600;

/** What happens to the processes of replicas. */
export const replicaFaults: readonly ClusterFault[] = [
  {
    name: "replica killed (kill -9) and started again",
    lastsMs: [0, 1500],
    ends: "one",
    play: ({ replica, lastsMs }) =>
      replica.exclusively(async () => {
        await replica.stop("SIGKILL");
        await wait(lastsMs);
        await replica.start();
      }),
  },
  {
    name: "replica stopped (SIGTERM) and started again",
    lastsMs: [0, 500],
    ends: "one",
    play: ({ replica, lastsMs }) =>
      replica.exclusively(async () => {
        await replica.stop("SIGTERM");
        await wait(lastsMs);
        await replica.start();
      }),
  },
  {
    name: "replica frozen (SIGSTOP)",
    lastsMs: [100, 2500],
    play: ({ replica, lastsMs }) =>
      replica.exclusively(async () => {
        replica.pause();
        await wait(lastsMs);
        replica.resume();
      }),
  },
  {
    name: "rolling restart",
    lastsMs: [0, 500],
    ends: "all",
    async play({ cluster, lastsMs }) {
      for (const replica of cluster.replicas)
        await replica.exclusively(async () => {
          await replica.stop("SIGTERM");
          await replica.start();
          await wait(lastsMs);
        });
    },
  },
];

/** Needs a fake clock in every replica. */
export const clockFault: ClusterFault = {
  name: "clock of one replica steps by 10 minutes, and back",
  // Replicas read the clock's file at most once in two seconds.
  lastsMs: [2500, 4000],
  async play({ replica, lastsMs, random }) {
    replica.clock?.step(random.pick([SKEW_S, -SKEW_S]));
    await wait(lastsMs);
    replica.clock?.step(0);
  },
};

/** Needs an older version. */
export const versionFault: ClusterFault = {
  name: "replica replaced by one of the other version, and back",
  lastsMs: [1000, 3000],
  ends: "one",
  play: ({ cluster, replica, lastsMs }) =>
    replica.exclusively(async () => {
      const other = cluster.programs.find((program) => program !== replica.program);
      await replica.stop("SIGTERM");
      await replica.start(other);
      await wait(lastsMs);
      await replica.stop("SIGTERM");
      await replica.start();
    }),
};
