import { setTimeout as wait } from "node:timers/promises";
import type { Fault, Stage } from "./stage.js";
import { startWorkload } from "./workload.js";

export interface ScheduleOptions {
  readonly stage: Stage;
  readonly faults: readonly Fault[];
  readonly users: number;
  readonly callers: number;
  /** Most time between two calls of one caller, in milliseconds. */
  readonly pauseMs: number;
  /** Most time that a fault lasts, in milliseconds. */
  readonly faultMs: number;
  /** Resolves when all is mended. */
  readonly recovered: () => Promise<void>;
}

/** Plays random faults, some of them at the same time, while callers call. Resolves to their names. */
export const playSchedule = async (options: ScheduleOptions): Promise<string[]> => {
  const { stage, faults, faultMs } = options;
  const { random, client, replicas } = stage;
  const users = await Promise.all(Array.from({ length: options.users }, () => stage.newUser()));
  const workload = startWorkload(stage, users, options.callers, options.pauseMs);
  await wait(faultMs / 2);
  const played: string[] = [];
  const count = 1 + random.below(3);
  for (let i = 0; i < count; i++) {
    const mends: (() => Promise<unknown>)[] = [];
    for (const fault of random.chance(0.3)
      ? [random.pick(faults), random.pick(faults)]
      : [random.pick(faults)]) {
      played.push(fault.name);
      mends.push(await fault.begin());
    }
    await wait(random.below(faultMs));
    for (const mend of mends) await mend();
    await wait(random.below(faultMs / 2));
  }
  await workload.stop();
  await options.recovered();
  const sessions = workload.sessions();
  for (let asked = 0; asked < 2; asked++)
    await Promise.all(
      replicas.flatMap((replica) => sessions.map((session) => client.validate(replica, session))),
    );
  return played;
};
