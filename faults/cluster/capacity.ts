import { setTimeout as wait } from "node:timers/promises";
import type { Random } from "../random.js";
import { startWorkload } from "../schedules/workload.js";
import type { Cluster } from "./cluster.js";

const USERS = 4;
const WARM_UP_MS = 5000;
const MEASURED_MS = 10_000;

/** Calls a second that a cluster without a fault answers to callers who never pause. */
export const capacityOf = async (
  cluster: Cluster,
  callers: number,
  random: Random,
): Promise<number> => {
  const stage = cluster.startAnew(random);
  const users = await Promise.all(Array.from({ length: USERS }, () => stage.newUser()));
  const workload = startWorkload(stage, users, callers, 0);
  try {
    await wait(WARM_UP_MS);
    const [before, begun] = [cluster.recorder.calls().length, performance.now()];
    await wait(MEASURED_MS);
    const seconds = (performance.now() - begun) / 1000;
    return (cluster.recorder.calls().length - before) / seconds;
  } finally {
    await workload.stop();
  }
};

/** Most time between the beginnings of two calls of one caller, for so many calls a second of all. */
export const pauseFor = (callsPerSecond: number, callers: number): number =>
  (2 * 1000 * callers) / callsPerSecond;
